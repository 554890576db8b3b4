import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { NameServer } from './support/name-server.js';

const ONCE = { retry: { delays: [] } };
const QUICK = { retry: { delays: [0.01, 0.01, 0.01] } };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 2 });
});
afterAll(() => cluster.stop());

const ends = (channel: string, id: string, status: string, consumer = 'c') =>
  eventually(async () => {
    const found = await cluster.delivery(channel, id, consumer);
    return found.status === status && found;
  }, 15_000);
const reasons = async (channel: string, consumer = 'c') =>
  (await cluster.ok<{ items: { reason: string }[] }>('GET', `/v1/channels/${channel}/consumers/${consumer}/dead-letters`)).items.map(
    ({ reason }) => reason,
  );

describe('permanent statuses', () => {
  it('bury a delivery at once, as the channel says unless the consumer says otherwise', async () => {
    const sink = await cluster.sink((_received, response) => void response.writeHead(422).end('no such order'));
    await cluster.channel('strict', { retry: { ...QUICK.retry, permanentStatuses: ['4xx'] } });
    await cluster.consumer('strict', 'c', sink.url);
    await cluster.consumer('strict', 'patient', sink.url, QUICK);
    const id = await cluster.publish('strict', 'x');
    expect(await ends('strict', id, 'dead')).toMatchObject({ attempts: 1, attemptLog: [{ errorClass: 'http-status', httpCode: 422 }] });
    expect(await ends('strict', id, 'dead', 'patient')).toMatchObject({ attempts: 4 });
    expect([await reasons('strict'), await reasons('strict', 'patient')]).toEqual([['permanent-status'], ['attempts-exhausted']]);
    expect(await cluster.ok('GET', '/v1/channels/strict/consumers/c')).toMatchObject({ disabled: false });
  });

  it('are refused with the name of the wrong entry', async () => {
    await cluster.channel('strict-input');
    const body = { type: 'push', url: 'http://127.0.0.1/', retry: { permanentStatuses: [404, 200] } };
    expect(await cluster.api('PUT', '/v1/channels/strict-input/consumers/c', body)).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', field: 'retry.permanentStatuses.1' },
    });
  });
});

it('waits as Retry-After says, in seconds or as a date, whatever the failure that it comes with', async () => {
  const asked = [
    [302, () => '2'],
    [500, () => new Date(Date.now() + 2_000).toUTCString()],
    [429, () => new Date(Date.now() + 2_000).toUTCString()],
    [503, () => '2'],
  ] as const;
  await Promise.all(
    asked.map(async ([status, header]) => {
      let answers = 0;
      const sink = await cluster.sink(
        (_r, response) => void response.writeHead(answers++ > 0 ? 200 : status, { 'retry-after': header() }).end(),
      );
      const channel = `after-${status}`;
      await cluster.channel(channel);
      await cluster.consumer(channel, 'c', sink.url, {
        retry: { baseSeconds: 0.001, factor: 1, capSeconds: 60, attempts: 2, jitter: false },
      });
      await ends(channel, await cluster.publish(channel, 'x'), 'delivered');
      // A date has no fractions of a second.
      expect(sink.received[1]!.at - sink.received[0]!.at).toBeGreaterThanOrEqual(950);
    }),
  );
});

it('holds a consumer that answers 429 in all dispatchers, spends no attempt of what waits behind, and nobody else waits', async () => {
  let refuses = true;
  const busy = await cluster.sink((_r, response) => void response.writeHead(refuses ? 429 : 200, { 'retry-after': '600' }).end());
  const other = await cluster.sink();
  await cluster.channel('busy');
  await cluster.consumer('busy', 'c', busy.url, { maxInFlight: 1 });
  await cluster.consumer('busy', 'other', other.url);
  const first = await cluster.publish('busy', 'first');
  const held = await eventually(async () => {
    const { heldUntil } = await cluster.ok<{ heldUntil: string | null }>('GET', '/v1/channels/busy/consumers/c');
    return heldUntil ?? false;
  });
  expect(Date.parse(held) - Date.now()).toBeGreaterThan(500_000);
  const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => cluster.publish('busy', `${n}`)));
  await eventually(() => other.received.length === 21);
  await meanwhile(1_200);
  expect(busy.received).toHaveLength(1);
  for (const id of ids) expect(await cluster.delivery('busy', id, 'c')).toMatchObject({ status: 'queued', attempts: 0 });
  expect(await cluster.delivery('busy', first, 'c')).toMatchObject({ status: 'retry-delivery', attempts: 1 });

  refuses = false;
  expect(await cluster.ok('POST', '/v1/channels/busy/consumers/c/resume')).toMatchObject({ heldUntil: null });
  for (const id of ids) expect(await ends('busy', id, 'delivered')).toMatchObject({ attempts: 1 });
});

it('holds for a moment after a 503 that does not say for how long, and goes on by itself', async () => {
  let refusals = 1;
  const sink = await cluster.sink((_r, response) => void response.writeHead(refusals-- > 0 ? 503 : 200).end());
  await cluster.channel('moment');
  await cluster.consumer('moment', 'c', sink.url, { ...QUICK, maxInFlight: 1 });
  const first = await cluster.publish('moment', 'x');
  await eventually(async () => (await cluster.delivery('moment', first, 'c')).attemptLog.length > 0);
  const ids = [first, ...(await Promise.all(['y', 'z'].map((text) => cluster.publish('moment', text))))];
  const found = await Promise.all(ids.map((id) => ends('moment', id, 'delivered')));
  expect(found.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(4);
  expect(sink.received[1]!.at - sink.received[0]!.at).toBeGreaterThanOrEqual(900);
});

describe('a failure on our side', () => {
  /** No dispatcher but one that is set up like this. */
  async function withDispatcher<T>(env: Record<string, string>, work: () => Promise<T>): Promise<T> {
    const others = cluster.processes.filter(({ app }) => app === 'dispatcher');
    await Promise.all(others.map((other) => other.stop()));
    cluster.processes.splice(0, Infinity, ...cluster.processes.filter((one) => !others.includes(one)));
    const dispatcher = await cluster.startDispatcher(env);
    try {
      return await work();
    } finally {
      await dispatcher.stop();
      await cluster.startDispatcher();
    }
  }

  it('for want of a name server spends no attempt; a name that is not there does', async () => {
    const port = await freePort();
    const sink = await cluster.sink();
    await cluster.channel('names');
    await cluster.consumer('names', 'c', sink.url.replace('127.0.0.1', 'good.test'), ONCE);
    await cluster.consumer('names', 'absent', sink.url.replace('127.0.0.1', 'absent.test'), ONCE);
    await withDispatcher({ DNS_SERVERS: `127.0.0.1:${port}` }, async () => {
      const id = await cluster.publish('names', 'x');
      for (const consumer of ['c', 'absent']) {
        await eventually(async () => (await cluster.delivery('names', id, consumer)).attempts > 0, 15_000);
        await eventually(async () => {
          const { status, attemptLog } = await cluster.delivery('names', id, consumer);
          return status === 'retry-delivery' && attemptLog.every(({ errorClass }) => errorClass === 'resolver-unreachable');
        }, 15_000);
      }
      const server = await NameServer.open((name) => (name === 'good.test' ? ['127.0.0.1'] : undefined), port);
      expect((await ends('names', id, 'delivered')).attempts).toBeGreaterThan(1);
      const dead = await ends('names', id, 'dead', 'absent');
      expect(dead.attemptLog.at(-1)).toMatchObject({ errorClass: 'dns' });
      server.close();
    });
    expect(await reasons('names', 'absent')).toEqual(['attempts-exhausted']);
  });

  it('for want of the key that opens a secret spends no attempt', async () => {
    const sink = await cluster.sink();
    await cluster.channel('sealed');
    await cluster.consumer('sealed', 'c', sink.url, ONCE);
    const id = await withDispatcher({ POSTHORN_SECRET_KEY: randomBytes(32).toString('base64') }, async () => {
      const published = await cluster.publish('sealed', 'x');
      await eventually(async () => (await cluster.delivery('sealed', published, 'c')).attempts > 1, 15_000);
      return published;
    });
    const found = await ends('sealed', id, 'delivered');
    expect(found.attemptLog.slice(0, -1).map(({ errorClass }) => errorClass)).toEqual(
      Array.from({ length: found.attempts - 1 }, () => 'secret-unavailable'),
    );
    expect(sink.received).toHaveLength(1);
  });
});

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
