import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { deliveriesOf, failedAttemptsOf, messagesOf } from './support/outcome.js';
import { type Lease, pullChannel, Puller } from './support/puller.js';

let cluster: Cluster;
let names = 0;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 1 }, { DATABASE_POOL: '6' });
});
afterAll(() => cluster.stop());

/** A fresh channel with a pull consumer, and a worker of it. */
async function fresh(settings: Record<string, unknown> = {}): Promise<{ channel: string; puller: Puller }> {
  const channel = `pull-${++names}`;
  await pullChannel(cluster, channel, settings);
  return { channel, puller: Puller.on(cluster.ingest, channel) };
}

/** Waits until a lease that was taken has run out, by the database's clock. */
const ranOut = ({ expiresAt }: Lease): Promise<unknown> =>
  eventually(async () => {
    const [row] = await cluster.database.query<{ past: string }[]>('SELECT NOW(3) > ? + INTERVAL 100000 MICROSECOND AS past', [
      new Date(expiresAt),
    ]);
    return Number(row!.past) === 1;
  });

const attemptLog = async (channel: string, id: string): Promise<unknown[]> =>
  (await cluster.delivery(channel, id, 'c')).attemptLog.map(({ number, errorClass }) => [number, errorClass]);

describe('what a consumer gets', () => {
  it('is the message with its exact bytes, and a receipt; an ack ends the delivery', async () => {
    const { channel, puller } = await fresh();
    const id = await cluster.publish(channel, '{"ü": 1}', {
      'content-type': 'application/json',
      'posthorn-priority': '3',
      'posthorn-type': 'order.paid',
      'posthorn-key': 'customer-7',
      'posthorn-header-x-tenant': '42',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    const before = Date.now();
    const lease = await puller.leaseOne({ leaseMs: 60_000 });
    expect(lease).toEqual({
      receipt: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      expiresAt: expect.any(String),
      attempt: 1,
      replay: null,
      message: {
        id,
        channel,
        priority: 3,
        type: 'order.paid',
        key: 'customer-7',
        contentType: 'application/json',
        headers: { 'x-tenant': '42' },
        traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        createdAt: expect.any(String),
        size: 9,
        payload: '{"ü": 1}',
      },
    });
    expect(Math.abs(Date.parse(lease.expiresAt) - before - 60_000)).toBeLessThan(5_000);
    expect(await cluster.delivery(channel, id, 'c')).toMatchObject({ status: 'in-flight', attempts: 1 });
    expect(await puller.lease()).toEqual([]);
    expect(await puller.settle({ receipt: lease.receipt, outcome: 'ack' })).toEqual([
      { receipt: lease.receipt, status: 'settled', delivery: 'delivered' },
    ]);
    expect(await cluster.delivery(channel, id, 'c')).toMatchObject({ status: 'delivered', attempts: 1, lastError: null });
    expect(await attemptLog(channel, id)).toEqual([[1, null]]);
  });

  it('is base64 when the payload is not text', async () => {
    const { channel, puller } = await fresh();
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    await cluster.publish(channel, bytes, { 'content-type': 'application/octet-stream' });
    const { message } = await puller.leaseOne();
    expect(message).not.toHaveProperty('payload');
    expect([...Buffer.from(message.payloadBase64!, 'base64')]).toEqual([...bytes]);
  });

  it('comes by priority, and within it by age', async () => {
    const { channel, puller } = await fresh();
    const ids: string[] = [];
    for (const priority of ['0', '9', '5', '9']) ids.push(await cluster.publish(channel, 'x', { 'posthorn-priority': priority }));
    const [first] = await puller.lease({ max: 1 });
    const rest = await puller.lease({ max: 10 });
    expect([first!, ...rest].map(({ message }) => message.id)).toEqual([ids[1], ids[3], ids[2], ids[0]]);
  });

  it('is nothing while the consumer is paused or disabled; what was leased before can be settled', async () => {
    const { channel, puller } = await fresh();
    const [first, second] = [await cluster.publish(channel, 'x'), await cluster.publish(channel, 'y')];
    const [held] = await puller.lease();
    const path = `/v1/channels/${channel}/consumers/c`;
    await cluster.ok('POST', `${path}/pause`);
    expect(await puller.lease({ waitMs: 300 })).toEqual([]);
    expect(await puller.ack(held!)).toEqual(['settled']);
    await cluster.ok('PUT', path, { type: 'pull', disabled: true });
    await cluster.ok('POST', `${path}/resume`);
    expect(await puller.lease({ waitMs: 300 })).toEqual([]);
    await cluster.ok('PUT', path, { type: 'pull' });
    expect((await puller.leaseOne()).message.id).toBe(second);
    expect(held!.message.id).toBe(first);
  });
});

describe('several workers', () => {
  it('on two ingest processes share the work: nothing twice, nothing lost', async () => {
    const first = cluster.ingest;
    const second = await cluster.startIngest();
    const { channel } = await fresh();
    const got: string[] = [];
    const acked: string[] = [];
    const done = new AbortController();
    const work = async (puller: Puller): Promise<void> => {
      while (!done.signal.aborted) {
        const leases = await puller.lease({ max: 7, waitMs: 500 });
        got.push(...leases.map(({ message }) => message.id));
        acked.push(...(leases.length > 0 ? await puller.ack(...leases) : []));
      }
    };
    const workers = [first, second].flatMap((ingest) => [1, 2, 3, 4].map(() => work(Puller.on(ingest, channel))));
    const ids = await Promise.all(Array.from({ length: 400 }, (_, n) => cluster.publish(channel, `${n}`)));
    await eventually(() => acked.length >= ids.length, 30_000);
    done.abort();
    await Promise.all(workers);
    expect(got.toSorted()).toEqual(ids.toSorted());
    expect(new Set(acked)).toEqual(new Set(['settled']));
    expect(await messagesOf(cluster, channel)).toBe(400);
    expect(await deliveriesOf(cluster, channel, 'delivered')).toBe(400);
    expect(await failedAttemptsOf(cluster, channel)).toBe(0);
    expect(await second.stop()).toBe(0);
    cluster.ingest = first;
  });

  it('ask for different amounts at the same time: each gets at most what it asks for', async () => {
    const { channel, puller } = await fresh();
    for (let n = 0; n < 9; n++) await cluster.publish(channel, `${n}`);
    const shares = await Promise.all([1, 5, 2, 500].map((max) => puller.lease({ max })));
    expect(shares.map((leases) => leases.length).every((count, index) => count <= [1, 5, 2, 500][index]!)).toBe(true);
    expect(new Set(shares.flat().map(({ message }) => message.id)).size).toBe(9);
  });
});

describe('a lease that runs out', () => {
  it('counts as an attempt, and the delivery goes to whoever asks next; the late ack is refused', async () => {
    const { channel, puller } = await fresh();
    const id = await cluster.publish(channel, 'x');
    const lost = await puller.leaseOne({ leaseMs: 1_000 });
    expect(await puller.lease({ waitMs: 200 })).toEqual([]);
    await ranOut(lost);
    const next = await puller.leaseOne();
    expect([next.attempt, next.message.id]).toEqual([2, id]);
    expect(await cluster.delivery(channel, id, 'c')).toMatchObject({ status: 'retry-in-flight', attempts: 2 });
    for (const outcome of ['ack', 'nack', 'dead']) {
      expect(await puller.settle({ receipt: lost.receipt, outcome })).toMatchObject([{ status: 'stale', detail: expect.any(String) }]);
    }
    expect(await puller.extend([lost.receipt])).toMatchObject([{ status: 'stale' }]);
    expect(await puller.ack(next)).toEqual(['settled']);
    expect(await puller.ack(lost)).toEqual(['stale']);
    expect(await attemptLog(channel, id)).toEqual([
      [1, 'lease-expired'],
      [2, null],
    ]);
    const [row] = await cluster.database.query<{ duration_ms: number }[]>(
      'SELECT duration_ms FROM attempt WHERE message_id = ? AND number = 1',
      [id],
    );
    expect(Math.abs(row!.duration_ms - 1_000)).toBeLessThan(100);
  });

  it('may still be settled or extended as long as nobody else has got the delivery', async () => {
    const { channel, puller } = await fresh();
    const [first, second] = [await cluster.publish(channel, 'x'), await cluster.publish(channel, 'y')];
    const [late, later] = await puller.lease({ max: 2, leaseMs: 1_000 });
    await ranOut(later!);
    expect(await puller.ack(late!)).toEqual(['settled']);
    expect(await puller.extend([later!.receipt])).toMatchObject([{ status: 'extended' }]);
    expect(await puller.lease()).toEqual([]);
    expect(await puller.ack(later!)).toEqual(['settled']);
    for (const id of [first, second]) expect(await attemptLog(channel, id)).toEqual([[1, null]]);
  });

  it('again and again is buried when the attempts are used up, and can be redriven', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [0] } });
    const id = await cluster.publish(channel, 'x');
    for (const attempt of [1, 2]) {
      const lease = await puller.leaseOne({ leaseMs: 1_000 });
      expect(lease.attempt).toBe(attempt);
      await ranOut(lease);
    }
    expect(await puller.lease()).toEqual([]);
    expect(await cluster.delivery(channel, id, 'c')).toMatchObject({ status: 'dead', attempts: 2, lastError: 'lease-expired' });
    const dead = `/v1/channels/${channel}/consumers/c/dead-letters`;
    expect(await cluster.ok('GET', dead)).toMatchObject({
      items: [{ message: id, reason: 'attempts-exhausted', lastError: 'lease-expired', attempts: 2 }],
    });
    expect(await attemptLog(channel, id)).toEqual([
      [1, 'lease-expired'],
      [2, 'lease-expired'],
    ]);
    await cluster.ok('POST', `${dead}/redrive`, {});
    const again = await puller.leaseOne({ waitMs: 5_000 });
    expect(again.attempt).toBe(3);
    expect(await puller.ack(again)).toEqual(['settled']);
  });

  it('of a worker that buries others does not keep the rest of the lane from anybody', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [] } });
    await cluster.publish(channel, 'x');
    await ranOut(await puller.leaseOne({ leaseMs: 1_000 }));
    const next = await cluster.publish(channel, 'y');
    expect((await puller.leaseOne({ max: 1, waitMs: 5_000 })).message.id).toBe(next);
  });

  it('is prolonged by extend', async () => {
    const { channel, puller } = await fresh();
    await cluster.publish(channel, 'x');
    const lease = await puller.leaseOne({ leaseMs: 1_000 });
    const [extended] = await puller.extend([lease.receipt], 60_000);
    expect(extended).toMatchObject({ status: 'extended', receipt: lease.receipt });
    expect(Math.abs(Date.parse(extended!.expiresAt!) - Date.now() - 60_000)).toBeLessThan(5_000);
    await ranOut(lease);
    expect(await puller.lease()).toEqual([]);
    expect(await puller.extend([lease.receipt], 1_000)).toMatchObject([{ status: 'extended' }]);
    expect((await eventually(async () => (await puller.lease())[0] ?? false)).attempt).toBe(2);
  });
});

describe('an outcome', () => {
  it('nack tries again by the retry policy, keeps the reason, and buries after the last attempt', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [0.3] } });
    const id = await cluster.publish(channel, 'x');
    const first = await puller.leaseOne();
    const [nacked] = await puller.settle({ receipt: first.receipt, outcome: 'nack', reason: 'zu früh' });
    expect(nacked).toMatchObject({ status: 'settled', delivery: 'retry-delivery' });
    const delivery = await cluster.delivery(channel, id, 'c');
    expect(delivery).toMatchObject({ status: 'retry-delivery', lastError: 'nacked', attempts: 1 });
    expect(delivery.attemptLog).toMatchObject([
      { number: 1, errorClass: 'nacked', response: 'zu früh', nextAttemptAt: nacked!.nextAttemptAt },
    ]);
    const second = await puller.leaseOne({ waitMs: 10_000 });
    expect(second.attempt).toBe(2);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(nacked!.nextAttemptAt!));
    expect(await puller.settle({ receipt: second.receipt, outcome: 'nack' })).toEqual([
      { receipt: second.receipt, status: 'settled', delivery: 'dead' },
    ]);
    expect(await cluster.ok('GET', `/v1/channels/${channel}/consumers/c/dead-letters`)).toMatchObject({
      items: [{ message: id, reason: 'attempts-exhausted', lastError: 'nacked' }],
    });
  });

  it('nack with a delay of its own waits for as long as it says', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [3600] } });
    await cluster.publish(channel, 'x');
    const first = await puller.leaseOne();
    const [nacked] = await puller.settle({ receipt: first.receipt, outcome: 'nack', delayMs: 500 });
    expect(Math.abs(Date.parse(nacked!.nextAttemptAt!) - Date.now() - 500)).toBeLessThan(5_000);
    expect((await puller.leaseOne({ waitMs: 10_000 })).attempt).toBe(2);
  });

  it('dead makes a dead letter at once, with the reason', async () => {
    const { channel, puller } = await fresh();
    const id = await cluster.publish(channel, 'x');
    const lease = await puller.leaseOne();
    expect(await puller.settle({ receipt: lease.receipt, outcome: 'dead', reason: 'no such order' })).toMatchObject([
      { status: 'settled', delivery: 'dead' },
    ]);
    expect(await cluster.ok('GET', `/v1/channels/${channel}/consumers/c/dead-letters?reason=rejected`)).toMatchObject({
      items: [{ message: id, reason: 'rejected', lastError: 'rejected' }],
    });
    expect((await cluster.delivery(channel, id, 'c')).attemptLog).toMatchObject([{ errorClass: 'rejected', response: 'no such order' }]);
  });

  it('said again after a lost answer is settled already; another outcome is stale', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [60] } });
    for (let n = 0; n < 3; n++) await cluster.publish(channel, `${n}`);
    const leases = await puller.lease({ max: 3 });
    const outcomes = ['ack', 'nack', 'dead'];
    const results = leases.map(({ receipt }, index) => ({ receipt, outcome: outcomes[index]! }));
    const said = await puller.settle(...results);
    expect(said.map(({ delivery }) => delivery)).toEqual(['delivered', 'retry-delivery', 'dead']);
    expect(await puller.settle(...results)).toEqual(said);
    const others = leases.map(({ receipt }, index) => ({ receipt, outcome: outcomes[(index + 1) % 3]! }));
    expect((await puller.settle(...others)).map(({ status }) => status)).toEqual(['stale', 'stale', 'stale']);
    expect(await failedAttemptsOf(cluster, channel)).toBe(2);
  });

  it('stands for itself in a bulk of valid, stale, invalid, foreign and repeated receipts', async () => {
    const { channel, puller } = await fresh();
    const other = await fresh();
    for (let n = 0; n < 3; n++) await cluster.publish(channel, `${n}`);
    await cluster.publish(other.channel, 'x');
    const stale = (await puller.lease({ leaseMs: 1_000 }))[0]!;
    const [good] = await puller.lease();
    await ranOut(stale);
    const [again] = await puller.lease();
    const foreign = await other.puller.leaseOne();
    const results = [stale, good!, foreign, { receipt: 'nonsense' }, good!, again!].map(({ receipt }) => ({ receipt, outcome: 'ack' }));
    const settled = await puller.settle(...results, { receipt: again!.receipt, outcome: 'dead' });
    expect(settled.map(({ status }) => status)).toEqual(['stale', 'settled', 'invalid', 'invalid', 'settled', 'settled', 'stale']);
    expect(settled.map(({ receipt }) => receipt)).toEqual([...results.map(({ receipt }) => receipt), again!.receipt]);
    expect(await deliveriesOf(cluster, channel, 'delivered')).toBe(2);
    const extended = await puller.extend([stale.receipt, foreign.receipt, 'nonsense', good!.receipt]);
    expect(extended.map(({ status }) => status)).toEqual(['stale', 'invalid', 'invalid', 'stale']);
    // The foreign receipt works where it belongs.
    expect(await other.puller.ack(foreign)).toEqual(['settled']);
  });

  it('comes 500 at a time', async () => {
    const { channel, puller } = await fresh();
    const ids = await Promise.all(Array.from({ length: 500 }, (_, n) => cluster.publish(channel, `${n}`)));
    const leases = await puller.lease({ max: 500, waitMs: 5_000 });
    expect(leases.map(({ message }) => message.id).toSorted()).toEqual(ids.toSorted());
    expect(new Set(await puller.ack(...leases))).toEqual(new Set(['settled']));
    expect(await deliveriesOf(cluster, channel, 'delivered')).toBe(500);
  });
});

describe('when the type of the consumer changes', () => {
  const path = (channel: string): string => `/v1/channels/${channel}/consumers/c`;

  it('from pull to push, what is leased stays leased; then it is posted, and the lost lease has weighed', async () => {
    const { channel, puller } = await fresh({ retry: { delays: [0] } });
    const sink = await cluster.sink();
    sink.answersStatus(500);
    const ids = [await cluster.publish(channel, 'x'), await cluster.publish(channel, 'y')];
    const [mine, lost] = await puller.lease({ max: 2, leaseMs: 2_000 });
    await cluster.ok('PUT', path(channel), { type: 'push', url: sink.url, retry: { delays: [0] } });
    await expect(puller.lease()).rejects.toMatchObject({ status: 409, code: 'conflict' });
    await meanwhile(500);
    expect(sink.ids).toEqual([]);
    expect(await puller.ack(mine!)).toEqual(['settled']);
    await eventually(async () => (await cluster.delivery(channel, ids[1]!, 'c')).status === 'dead');
    expect(sink.received.map(({ headers }) => [headers['webhook-id'], headers['posthorn-attempt']])).toEqual([[ids[1], '2']]);
    expect(await puller.ack(lost!)).toEqual(['stale']);
    expect(await attemptLog(channel, ids[1]!)).toEqual([
      [1, 'lease-expired'],
      [2, 'http-status'],
    ]);
  });

  it('from push to pull, an attempt under way is settled by its dispatcher, and nobody leases it meanwhile', async () => {
    const channel = `pull-${++names}`;
    let answer = (): void => undefined;
    const sink = await cluster.sink((_received, response) => void (answer = () => void response.writeHead(500).end()));
    await cluster.channel(channel);
    await cluster.consumer(channel, 'c', sink.url, { retry: { delays: [0] } });
    const id = await cluster.publish(channel, 'x');
    await eventually(() => sink.received.length === 1);
    await cluster.ok('PUT', path(channel), { type: 'pull', retry: { delays: [0] } });
    const puller = Puller.on(cluster.ingest, channel);
    expect(await puller.lease({ waitMs: 300 })).toEqual([]);
    answer();
    const lease = await puller.leaseOne({ waitMs: 10_000 });
    expect([lease.attempt, lease.message.id]).toEqual([2, id]);
    expect(await puller.ack(lease)).toEqual(['settled']);
    expect(sink.received).toHaveLength(1);
  });
});

it('every attempt writes one line and is counted; polls write none', async () => {
  const { channel, puller } = await fresh();
  const counted = () =>
    Promise.all([
      metric(cluster.ingest, 'posthorn_leased_total'),
      metric(cluster.ingest, 'posthorn_attempts_total', 'outcome="delivered"'),
      metric(cluster.ingest, 'posthorn_attempts_total', 'outcome="lease-expired"'),
      metric(cluster.ingest, 'posthorn_dead_total', 'reason="rejected"'),
      metric(cluster.ingest, 'posthorn_lease_settlements_total', 'status="invalid"'),
    ]);
  const before = await counted();
  const ids = [await cluster.publish(channel, 'secret-payload'), await cluster.publish(channel, 'y')];
  const lines = cluster.ingest.lines.length;
  await ranOut((await puller.lease({ leaseMs: 1_000 }))[0]!);
  const leases = await puller.lease({ max: 2 });
  await puller.settle(
    { receipt: leases[0]!.receipt, outcome: 'ack' },
    { receipt: leases[1]!.receipt, outcome: 'dead', reason: 'secret-reason' },
    { receipt: 'nonsense', outcome: 'ack' },
  );
  const after = await counted();
  expect(after.map((value, index) => value - before[index]!)).toEqual([3, 1, 1, 1, 1]);
  await eventually(() => {
    const mine = cluster.ingest.lines.slice(lines).filter((line) => line['channel'] === channel);
    expect(
      mine.map(({ msg, message, consumer, attempt, outcome, error }) => ({ msg, message, consumer, attempt, outcome, error })),
    ).toEqual([
      { msg: 'delivery.attempted', message: ids[0], consumer: 'c', attempt: 1, outcome: 'retry', error: 'lease-expired' },
      { msg: 'delivery.attempted', message: ids[0], consumer: 'c', attempt: 2, outcome: 'delivered', error: undefined },
      { msg: 'delivery.attempted', message: ids[1], consumer: 'c', attempt: 1, outcome: 'dead', error: 'rejected' },
    ]);
  });
  const written = cluster.ingest.lines.filter(({ msg, path }) => msg === 'management.written' && String(path).includes('/leases'));
  expect(written).toEqual([]);
  expect(cluster.ingest.output).not.toMatch(/secret-payload|secret-reason/);
  expect(cluster.ingest.output).not.toContain(leases[0]!.receipt);
});
