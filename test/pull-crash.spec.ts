import { Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { deliveriesOf, failedAttemptsOf, messagesOf } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { type Lease, pullChannel, Puller } from './support/puller.js';

const LEASING = 'SET r.lease_until = NOW(3) +';
const SETTLING = 'DELETE r FROM';

let cluster: Cluster;
let proxy: DatabaseProxy;
/** The ingest API that the tests use beside those that they break. */
let plain: AppProcess;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 1 }, { DATABASE_POOL: '6', RATIONAL_DELAY_MS: '1000' });
  plain = cluster.ingest;
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  proxy = await DatabaseProxy.open(cluster.test.url);
});
afterEach(async () => {
  cluster.ingest = plain;
  await Promise.all(cluster.processes.filter((one) => one.app === 'ingest-api' && one !== plain).map((one) => one.kill()));
  await proxy.close();
});

/** One that talks to the database through the proxy; the tests go on with the other. */
async function throughProxy(): Promise<AppProcess> {
  const ingest = await cluster.startIngest({ DATABASE_URL: proxy.url });
  cluster.ingest = plain;
  return ingest;
}

const outcome = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'answered',
    () => 'broken',
  );
const next = (channel: string, wish = {}): Promise<Lease> =>
  eventually(async () => (await Puller.on(plain, channel).lease({ max: 1, waitMs: 500, ...wish }))[0] ?? false);
const becomes = (channel: string, id: string, status: string): Promise<unknown> =>
  eventually(async () => (await cluster.delivery(channel, id, 'c')).status === status);
const attemptLog = async (channel: string, id: string): Promise<unknown[]> =>
  (await cluster.delivery(channel, id, 'c')).attemptLog.map(({ number, errorClass }) => [number, errorClass]);

describe('an ingest process that is killed', () => {
  it('after it leased and before it answered: the lease runs out, and the delivery goes to somebody else', async () => {
    await pullChannel(cluster, 'leased');
    const ingest = await throughProxy();
    const id = await cluster.publish('leased', 'x');
    const caught = proxy.catchAnswer(commitOf(LEASING));
    const first = outcome(Puller.on(ingest, 'leased').lease({ leaseMs: 1_500 }));
    await caught;
    await becomes('leased', id, 'in-flight');
    await ingest.kill();
    expect(await first).toBe('broken');
    const lease = await next('leased');
    expect([lease.message.id, lease.attempt]).toEqual([id, 2]);
    expect(await Puller.on(plain, 'leased').ack(lease)).toEqual(['settled']);
    expect(await attemptLog('leased', id)).toEqual([
      [1, 'lease-expired'],
      [2, null],
    ]);
  });

  it('before it had leased: nothing was, and the delivery is there at once', async () => {
    await pullChannel(cluster, 'unleased');
    const ingest = await throughProxy();
    const id = await cluster.publish('unleased', 'x');
    const caught = proxy.catchStatement(commitOf(LEASING));
    const first = outcome(Puller.on(ingest, 'unleased').lease());
    await caught;
    await ingest.kill();
    expect(await first).toBe('broken');
    const lease = await next('unleased');
    expect([lease.message.id, lease.attempt]).toEqual([id, 1]);
    expect(await Puller.on(plain, 'unleased').ack(lease)).toEqual(['settled']);
  });

  it('after it settled and before it answered: what was said stands, and saying it again elsewhere is answered as settled', async () => {
    await pullChannel(cluster, 'settled');
    const ingest = await throughProxy();
    const id = await cluster.publish('settled', 'x');
    const lease = await Puller.on(ingest, 'settled').leaseOne();
    const caught = proxy.catchAnswer(commitOf(SETTLING));
    const first = outcome(Puller.on(ingest, 'settled').ack(lease));
    await caught;
    await becomes('settled', id, 'delivered');
    await ingest.kill();
    expect(await first).toBe('broken');
    expect(await Puller.on(plain, 'settled').ack(lease)).toEqual(['settled']);
    expect(await attemptLog('settled', id)).toEqual([[1, null]]);
  });

  it('or cut off in mid-COMMIT of a settlement, leads to 503, and the repeat settles', async () => {
    await pullChannel(cluster, 'cut');
    const ingest = await throughProxy();
    for (const [lost, catchIt] of [
      ['answer', () => proxy.catchAnswer(commitOf(SETTLING))],
      ['statement', () => proxy.catchStatement(commitOf(SETTLING))],
    ] as const) {
      const id = await cluster.publish('cut', lost);
      const puller = Puller.on(ingest, 'cut');
      const lease = await puller.leaseOne();
      const caught = catchIt();
      const refused = puller.ack(lease).catch((error: unknown) => error);
      (await caught).cut();
      expect(await refused).toMatchObject({ status: 503, code: 'database-unavailable', retryAfter: expect.any(String) });
      expect(await puller.ack(lease)).toEqual(['settled']);
      expect(await attemptLog('cut', id)).toEqual([[1, null]]);
    }
  });

  it('again and again under load loses nothing that was acknowledged, and every ack that was answered stands', async () => {
    await pullChannel(cluster, 'load');
    const acked = new Set<string>();
    const done = new AbortController();
    let second: AppProcess = await cluster.startIngest();
    cluster.ingest = plain;
    const work = async (on: () => AppProcess): Promise<void> => {
      while (!done.signal.aborted) {
        const puller = Puller.on(on(), 'load');
        try {
          const leases = await puller.lease({ max: 5, waitMs: 300, leaseMs: 2_000 });
          if (leases.length === 0) continue;
          const settled = await puller.settle(...leases.map(({ receipt }) => ({ receipt, outcome: 'ack' })));
          for (const [index, { status }] of settled.entries()) if (status === 'settled') acked.add(leases[index]!.message.id);
        } catch {
          // The process was killed: on with the next one.
          await meanwhile(50);
        }
      }
    };
    const workers = [() => plain, () => second, () => second, () => second].map(work);
    const ids: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 60; n++) ids.push(await cluster.publish('load', `${round}/${n}`));
      await second.kill();
      second = await cluster.startIngest();
      cluster.ingest = plain;
    }
    await eventually(async () => (await deliveriesOf(cluster, 'load', 'delivered')) === ids.length, 30_000, 100);
    done.abort();
    await Promise.all(workers);
    expect(await messagesOf(cluster, 'load')).toBe(ids.length);
    for (const id of acked) expect(ids).toContain(id);
    // Attempts that were lost with a process, and no others, were made again.
    expect(await failedAttemptsOf(cluster, 'load')).toBe(await failedAttemptsOf(cluster, 'load', 'lease-expired'));
    expect(await cluster.idle()).toBe(true);
  }, 90_000);
});

it('an ingest process that is frozen past the lease and thawed: its late answer holds a stale receipt', async () => {
  await pullChannel(cluster, 'frozen');
  const ingest = await throughProxy();
  const id = await cluster.publish('frozen', 'x');
  const caught = proxy.catchAnswer(commitOf(LEASING));
  const slow = Puller.on(ingest, 'frozen').lease({ leaseMs: 1_000 });
  const held = await caught;
  await becomes('frozen', id, 'in-flight');
  ingest.signal('SIGSTOP');
  held.pass();
  const lease = await next('frozen', { leaseMs: 60_000 });
  expect([lease.message.id, lease.attempt]).toEqual([id, 2]);
  ingest.signal('SIGCONT');
  const [late] = await slow;
  expect([late!.message.id, late!.attempt]).toEqual([id, 1]);
  for (const on of [ingest, plain]) {
    const puller = Puller.on(on, 'frozen');
    expect(await puller.ack(late!)).toEqual(['stale']);
    expect(await puller.extend([late!.receipt])).toMatchObject([{ status: 'stale' }]);
  }
  expect(await cluster.delivery('frozen', id, 'c')).toMatchObject({ status: 'retry-in-flight', attempts: 2 });
  expect(await Puller.on(ingest, 'frozen').ack(lease)).toEqual(['settled']);
});

describe('a client that hangs up', () => {
  it('while it waits is forgotten: what comes then is for others', async () => {
    await pullChannel(cluster, 'gone');
    const hangUp = new AbortController();
    const first = outcome(Puller.on(plain, 'gone').lease({ waitMs: 30_000 }, hangUp.signal));
    await eventually(async () => (await metric(plain, 'posthorn_polls')) === 1);
    hangUp.abort();
    expect(await first).toBe('broken');
    await eventually(async () => (await metric(plain, 'posthorn_polls')) === 0);
    const id = await cluster.publish('gone', 'x');
    await meanwhile(200);
    expect(await cluster.delivery('gone', id, 'c')).toMatchObject({ status: 'queued', attempts: 0 });
    expect((await next('gone')).attempt).toBe(1);
  });

  it('while deliveries are being leased for it: they are given back at once, as if never leased', async () => {
    await pullChannel(cluster, 'back');
    const ingest = await throughProxy();
    const ids = [await cluster.publish('back', 'x'), await cluster.publish('back', 'y')];
    const caught = proxy.catchAnswer(commitOf(LEASING));
    const hangUp = new AbortController();
    const first = outcome(Puller.on(ingest, 'back').lease({ max: 2, leaseMs: 3_600_000 }, hangUp.signal));
    const held = await caught;
    await becomes('back', ids[1]!, 'in-flight');
    hangUp.abort();
    expect(await first).toBe('broken');
    await eventually(async () => (await metric(ingest, 'posthorn_polls')) === 0);
    held.pass();
    for (const id of ids) {
      await becomes('back', id, 'queued');
      expect(await cluster.delivery('back', id, 'c')).toMatchObject({ attempts: 0, attemptLog: [] });
    }
    const leases = await Puller.on(plain, 'back').lease({ max: 10, waitMs: 5_000 });
    expect(leases.map(({ message, attempt }) => [message.id, attempt])).toEqual(ids.map((id) => [id, 1]));
    expect(await metric(ingest, 'posthorn_poll_bytes')).toBe(0);
  });
});

it('a dispatcher whose consumer becomes pull between claim and POST gives the deliveries back, and buries none', async () => {
  await cluster.channel('turned');
  const sink = await cluster.sink();
  await cluster.consumer('turned', 'c', sink.url);
  const others = cluster.processes.filter(({ app }) => app === 'dispatcher');
  await Promise.all(others.map((one) => one.stop()));
  const dispatcher = await cluster.startDispatcher({ DATABASE_URL: proxy.url });
  const caught = proxy.catchStatement((sql) => sql.includes('c.id AS consumerId'));
  const id = await cluster.publish('turned', 'x');
  const held = await caught;
  await cluster.ok('PUT', '/v1/channels/turned/consumers/c', { type: 'pull' });
  held.pass();
  const lease = await next('turned');
  expect([lease.message.id, lease.attempt]).toEqual([id, 1]);
  expect(await Puller.on(plain, 'turned').ack(lease)).toEqual(['settled']);
  expect(sink.received).toEqual([]);
  await dispatcher.kill();
  await cluster.startDispatcher();
});

it('an ingest process that gets SIGTERM answers its waiting polls with nothing, and exits with 0', async () => {
  await pullChannel(cluster, 'stopped');
  const ingest = await cluster.startIngest();
  cluster.ingest = plain;
  const startedAt = performance.now();
  const polls = Array.from({ length: 5 }, () => Puller.on(ingest, 'stopped').lease({ waitMs: 60_000 }));
  await eventually(async () => (await metric(ingest, 'posthorn_polls')) === 5);
  expect(await ingest.stop()).toBe(0);
  expect(await Promise.all(polls)).toEqual([[], [], [], [], []]);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  const id = await cluster.publish('stopped', 'x');
  expect((await next('stopped')).message.id).toBe(id);
});
