import { type Id, firstIdAt } from '@app/domain';
import { accept, claim, fanOut, type LaneBound, lease, Node, oldestRows, redrive, settle } from '@app/storage';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from './support/cluster.js';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { channelWith, newMessage } from './support/rows.js';

const MINUTE_MS = 60_000;

describe('a turn that takes the oldest first', () => {
  let test: TestDatabase;
  let node: Node;
  beforeAll(async () => {
    test = await freshDatabase();
    node = await Node.join(test.database, 'dispatcher');
  });
  afterAll(() => test.drop());

  /** A lane with a row for each `[minutes ago, priority]`. */
  async function lane(type: 'push' | 'pull', ...rows: [number, number][]): Promise<{ consumerId: number; ids: Id[] }> {
    const { channelId, consumerIds } = await channelWith(test.database, 1);
    await test.database.query('UPDATE consumer SET type = ? WHERE id = ?', [type, consumerIds[0]]);
    const batch = rows.map(([minutes, priority], n) =>
      newMessage(node, channelId, { id: (BigInt(firstIdAt(Date.now() - minutes * MINUTE_MS)) + BigInt(4096 * n)).toString(), priority }),
    );
    await accept(test.database, batch, 100);
    return { consumerId: consumerIds[0]!, ids: batch.map(({ id }) => id) };
  }
  const take = async (consumerId: number, limit: number, oldestFirst: boolean, from: LaneBound[] = []) =>
    (await claim(test.database, [{ consumerId, limit, leaseMs: 30_000, from, oldestFirst }], node.mint())).claimed.map(
      ({ messageId }) => messageId,
    );

  it('goes by age over all priorities, and leaves the rest as it is', async () => {
    const { consumerId, ids } = await lane('push', [10, 9], [50, 0], [20, 9], [40, 4], [30, 9], [60, 0]);
    expect(new Set(await take(consumerId, 3, true))).toEqual(new Set([ids[5], ids[1], ids[3]]));
    expect(await take(consumerId, 10, false)).toEqual([ids[4], ids[2], ids[0]]);
    expect(await take(consumerId, 10, true)).toEqual([]);
  });

  it('begins at the bounds of the lane', async () => {
    const { consumerId, ids } = await lane('push', [50, 0], [45, 9], [30, 0], [20, 9]);
    const bound = { rank: 9, seq: firstIdAt(Date.now() - 40 * MINUTE_MS) };
    expect(new Set(await take(consumerId, 2, true, [bound]))).toEqual(new Set([ids[1], ids[2]]));
  });

  it('locks nothing but what it takes', async () => {
    const { consumerId, ids } = await lane('push', [50, 0], [40, 0], [30, 9], [20, 9]);
    await test.database.packets('aged', async (packets) => {
      const [rows] = await packets.send<[{ message_id: Id }[]]>(oldestRows('message_id', { type: 'push', consumerId, limit: 1 }));
      expect(rows.map((row) => row.message_id)).toEqual([ids[0]]);
      expect(new Set(await take(consumerId, 10, false))).toEqual(new Set(ids.slice(1)));
    });
  });

  it('gives two that take at the same moment each their own', async () => {
    const { consumerId, ids } = await lane('push', ...Array.from({ length: 20 }, (_, n): [number, number] => [n + 1, n % 10]));
    const both = await Promise.all([take(consumerId, 10, true), take(consumerId, 10, true)]);
    const taken = both.flat();
    expect(new Set(taken).size).toBe(taken.length);
    expect(new Set([...taken, ...(await take(consumerId, 20, false))])).toEqual(new Set(ids));
  });

  it('gives nothing of a consumer that is paused', async () => {
    const { consumerId } = await lane('push', [50, 0], [40, 9]);
    await test.database.query('UPDATE consumer SET paused_at = NOW(3) WHERE id = ?', [consumerId]);
    expect(await take(consumerId, 10, true)).toEqual([]);
  });

  it('leases the oldest to pull consumers too, and never gives less than there is', async () => {
    const { consumerId, ids } = await lane('pull', [10, 9], [50, 0], [20, 9], [40, 4]);
    const polled = async (max: number) =>
      (await lease(test.database, consumerId, [{ max, leaseMs: 30_000 }], 1_000_000, () => node.mint(), true)).leased[0]!.map(
        ({ claim: one }) => one.messageId,
      );
    expect(await polled(1)).toEqual([ids[1]]);
    await test.database.transaction('another worker', async (session) => {
      await session.query('SELECT 1 FROM ready WHERE consumer_id = ? AND prio_rank = 5 FOR UPDATE', [consumerId]);
      expect(await polled(1)).toEqual([ids[2]]);
    });
    expect(new Set(await polled(5))).toEqual(new Set([ids[0], ids[3]]));
  });

  it('puts what is accepted, fanned out or redriven in a channel without priorities in one rank', async () => {
    const { channelId, consumerIds } = await channelWith(test.database, 2);
    const [one] = consumerIds;
    const ranks = async () =>
      (await test.database.query<{ prio_rank: number }[]>('SELECT prio_rank FROM ready WHERE consumer_id = ? ORDER BY seq', [one])).map(
        (row) => row.prio_rank,
      );
    const [first, second, third] = [9, 9, 5].map((priority) => newMessage(node, channelId, { priority }));
    await accept(test.database, [first!], 100);
    await test.database.query('UPDATE channel SET priorities = 0, audience_version = audience_version + 1 WHERE id = ?', [channelId]);
    await accept(test.database, [second!], 100);
    await accept(test.database, [third!], 1);
    while (await fanOut(test.database));
    expect(await ranks()).toEqual([0, 9, 9]);
    const { claimed } = await claim(test.database, [{ consumerId: one!, limit: 10, leaseMs: 30_000 }], node.mint());
    await settle(
      test.database,
      claimed.map((each) => ({
        claim: each,
        step: { to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: false },
        startedAtMs: Date.now(),
        durationMs: 1,
        httpCode: 410,
        errorClass: 'gone',
        responseBody: null,
      })),
      node,
    );
    await redrive(test.database, one!, {}, () => node.mint());
    expect(await ranks()).toEqual([9, 9, 9]);
  });
});

describe('a flood of the highest priority', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 1 });
  });
  afterAll(() => cluster?.stop());

  const publish = (channel: string, priority: number) => cluster.publish(channel, 'x', { 'posthorn-priority': String(priority) });

  it('lets the lowest through to a push consumer', async () => {
    const sink = await cluster.sink(async (_received, response) => {
      await sleep(15);
      response.end();
    });
    await cluster.channel('flood');
    await cluster.consumer('flood', 'c', sink.url, { maxInFlight: 1 });
    await cluster.ok('POST', '/v1/channels/flood/consumers/c/pause');
    const lowest = await publish('flood', 0);
    for (let n = 0; n < 15; n++) await Promise.all(Array.from({ length: 10 }, () => publish('flood', 9)));
    await cluster.ok('POST', '/v1/channels/flood/consumers/c/resume');
    await eventually(() => sink.ids.includes(lowest), 30_000);
    // Without its turn it would be the very last.
    expect(sink.ids.indexOf(lowest)).toBeLessThan(120);
    expect(sink.ids.indexOf(lowest)).toBeGreaterThan(0);
  }, 60_000);

  it('lets the lowest through to a pull consumer', async () => {
    await cluster.channel('pulled');
    await cluster.ok('PUT', '/v1/channels/pulled/consumers/c', { type: 'pull' });
    const lowest = await publish('pulled', 0);
    await Promise.all(Array.from({ length: 30 }, () => publish('pulled', 9)));
    const got: Id[] = [];
    for (let n = 0; n < 20; n++) {
      const { leases } = await cluster.ok<{ leases: { message: { id: Id } }[] }>('POST', '/v1/channels/pulled/consumers/c/leases', {});
      got.push(...leases.map(({ message }) => message.id));
    }
    expect(got).toHaveLength(20);
    expect(got.indexOf(lowest)).toBe(9);
  });

  it('comes in the order of acceptance where the channel does not obey priorities, and nothing is left behind when that changes', async () => {
    const sink = await cluster.sink();
    await cluster.channel('fifo', { priorities: false });
    await cluster.consumer('fifo', 'c', sink.url, { maxInFlight: 1 });
    expect(await cluster.ok('GET', '/v1/channels/fifo')).toMatchObject({ priorities: false });
    await cluster.ok('POST', '/v1/channels/fifo/consumers/c/pause');
    const ids: Id[] = [];
    for (const priority of [0, 9, 4, 9]) ids.push(await publish('fifo', priority));
    await cluster.channel('fifo');
    const highest = await publish('fifo', 9);
    await cluster.channel('fifo', { priorities: false });
    const last = await publish('fifo', 9);
    await cluster.ok('POST', '/v1/channels/fifo/consumers/c/resume');
    await eventually(() => sink.received.length === 6);
    expect(sink.ids).toEqual([highest, ...ids, last]);
    expect(sink.received.map(({ headers }) => headers['posthorn-priority'])).toEqual(['9', '0', '9', '4', '9', '9']);
    const answer = await cluster.api<{ errors: { field: string }[] }>('PUT', '/v1/channels/fifo', { priorities: 'no' });
    expect([answer.status, answer.body.errors.map(({ field }) => field)]).toEqual([400, ['priorities']]);
  });
});
