import { EPOCH_MS, type Id, type NextStep, firstIdAt } from '@app/domain';
import {
  accept,
  activeLanes,
  Audiences,
  claim,
  type Claimed,
  Database,
  fanOut,
  giveBack,
  lead,
  makePartitions,
  type NewMessage,
  Node,
  promote,
  redrive,
  selfTest,
  settle,
  type Settlement,
  waitsOf,
} from '@app/storage';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { channelWith, newMessage } from './support/rows.js';

let test: TestDatabase;
let node: Node;

beforeAll(async () => {
  test = await freshDatabase();
  node = await Node.join(test.database, 'dispatcher');
});
afterAll(() => test.drop());

const channelOf = (consumers: number) => channelWith(test.database, consumers);
const message = (channelId: number, more?: Partial<NewMessage>): NewMessage => newMessage(node, channelId, more);

const outcome = (one: Claimed, step: NextStep): Settlement => ({
  claim: one,
  step,
  startedAtMs: Date.now(),
  durationMs: 1,
  httpCode: step.to === 'delivered' ? 200 : 500,
  errorClass: step.to === 'delivered' ? null : step.errorClass,
  responseBody: null,
});

const take = (consumerId: number, limit = 10, leaseMs = 30_000) => claim(test.database, [{ consumerId, limit, leaseMs }], node.mint());
const statusOf = async (id: Id): Promise<number> =>
  (await test.database.query<{ status: number }[]>('SELECT status FROM delivery WHERE message_id = ?', [id]))[0]!.status;

it('the self-test accepts this server', async () => {
  await expect(selfTest(test.database)).resolves.toHaveProperty('version');
});

it('a message, its deliveries and its key are stored together and claimed in order of priority, then of time', async () => {
  const { channelId, consumerIds } = await channelOf(2);
  const batch = [0, 5, 9, 5].map((priority) => message(channelId, { priority }));
  const outcomes = await accept(test.database, batch, 100);
  expect(outcomes.map((o) => o.kind)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
  expect((await activeLanes(test.database)).map(({ id }) => id)).toEqual(expect.arrayContaining(consumerIds));
  const { claimed } = await take(consumerIds[0]!);
  expect(claimed.map((c) => c.messageId)).toEqual([batch[2]!.id, batch[1]!.id, batch[3]!.id, batch[0]!.id]);
  expect((await take(consumerIds[0]!)).claimed).toEqual([]);
});

describe('what was known of a channel from the batch before', () => {
  const ready = async (id: Id): Promise<number[]> =>
    (
      await test.database.query<{ consumer_id: number }[]>('SELECT consumer_id FROM ready WHERE message_id = ? ORDER BY consumer_id', [id])
    ).map((row) => row.consumer_id);

  it('is not trusted: new consumers get the next message, deleted ones none, and no channel is outlived', async () => {
    const { channelId, consumerIds } = await channelOf(2);
    const audiences = new Audiences();
    const publish = async (): Promise<number[]> => {
      const one = message(channelId);
      await accept(test.database, [one], 100, audiences);
      return ready(one.id);
    };
    expect(await publish()).toEqual(consumerIds);
    expect(await publish()).toEqual(consumerIds);
    const { insertId } = await test.database.query(
      `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, 'late', 'push', 'http://127.0.0.1/', '')`,
      [channelId],
    );
    expect(await publish()).toEqual([...consumerIds, insertId]);
    await test.database.query('DELETE FROM consumer WHERE id = ?', [consumerIds[0]]);
    expect(await publish()).toEqual([consumerIds[1], insertId]);
    await test.database.query('DELETE FROM channel WHERE id = ?', [channelId]);
    const homeless = message(channelId);
    expect(await accept(test.database, [homeless], 100, audiences)).toEqual([{ kind: 'unknown-channel' }]);
    expect(await ready(homeless.id)).toEqual([]);
  });

  it('does not make a second message of a key, whether it repeats within the batch or from an earlier one', async () => {
    const { channelId } = await channelOf(1);
    const audiences = new Audiences();
    const keyed = (key: string): NewMessage =>
      message(channelId, { idempotency: { keyHash: Buffer.from(key.padEnd(16)), bodyHash: Buffer.alloc(16) } });
    const first = keyed('first');
    await accept(test.database, [first], 100, audiences);
    const [again, fresh, twin, plain] = [keyed('first'), keyed('second'), keyed('second'), message(channelId)];
    const outcomes = await accept(test.database, [again, fresh, twin, plain], 100, audiences);
    expect(outcomes).toMatchObject([
      { kind: 'repeated', id: first.id },
      { kind: 'accepted', id: fresh.id },
      { kind: 'repeated', id: fresh.id },
      { kind: 'accepted', id: plain.id },
    ]);
    expect(await Promise.all([again, twin].map(({ id }) => ready(id)))).toEqual([[], []]);
  });
});

it('the same key twice in a batch, and again later, makes one message; another body is a conflict', async () => {
  const { channelId } = await channelOf(1);
  const keyed = (body: string): NewMessage =>
    message(channelId, { idempotency: { keyHash: Buffer.alloc(16, 7), bodyHash: Buffer.alloc(16, body) } });
  const [first, second] = await accept(test.database, [keyed('a'), keyed('a')], 100);
  expect(first!.kind).toBe('accepted');
  expect(second).toEqual({ kind: 'repeated', id: (first as { id: Id }).id });
  expect((await accept(test.database, [keyed('b')], 100))[0]).toEqual({ kind: 'conflict', id: (first as { id: Id }).id });
});

it.each([2, 20])('a result is written once: among %i, an old token changes nothing', async (count) => {
  const { channelId, consumerIds } = await channelOf(1);
  const all = Array.from({ length: count }, () => message(channelId));
  await accept(test.database, all, 100);
  const old = (await take(consumerIds[0]!, count, 0)).claimed;
  await eventually(async () => (await take(consumerIds[0]!, 1)).rescued === 1);
  const { fenced } = await settle(
    test.database,
    old.map((c) => outcome(c, { to: 'delivered' })),
    node,
  );
  expect(fenced.map((f) => f.claim.messageId)).toEqual([all[0]!.id]);
  expect(await Promise.all(all.map(({ id }) => statusOf(id)))).toEqual([2, ...all.slice(1).map(() => 5)]);
});

it('a retry waits in its own table, is promoted when due, and dies into the dead letters, from where it is redriven', async () => {
  const { channelId, consumerIds } = await channelOf(1);
  const one = message(channelId);
  await accept(test.database, [one], 100);
  const [first] = (await take(consumerIds[0]!)).claimed;
  await settle(test.database, [outcome(first!, { to: 'retry', delayMs: 0, errorClass: 'http-status' })], node);
  expect(await statusOf(one.id)).toBe(3);
  expect((await promote(test.database, () => node.mint())).consumerIds).toEqual(consumerIds);
  const [second] = (await take(consumerIds[0]!)).claimed;
  expect(second).toMatchObject({ attempt: 2, attemptsBefore: 0 });
  expect(await statusOf(one.id)).toBe(4);
  await settle(
    test.database,
    [outcome(second!, { to: 'dead', reason: 'attempts-exhausted', errorClass: 'http-status', disableConsumer: false })],
    node,
  );
  expect(await statusOf(one.id)).toBe(6);
  expect(await redrive(test.database, consumerIds[0]!, {}, () => node.mint())).toMatchObject({ count: 1 });
  const [third] = (await take(consumerIds[0]!)).claimed;
  expect(third).toMatchObject({ attempt: 3, attemptsBefore: 2 });
  expect(await giveBack(test.database, [third!])).toBe(1);
  expect(await statusOf(one.id)).toBe(1);
});

it('a lease that ran out is claimed again, recorded, and not counted as an attempt of the policy', async () => {
  const { channelId, consumerIds } = await channelOf(1);
  await accept(test.database, [message(channelId)], 100);
  await take(consumerIds[0]!, 1, 0);
  const again = await eventually(async () => {
    const result = await take(consumerIds[0]!);
    return result.rescued === 1 && result.claimed[0]!;
  });
  expect(again).toMatchObject({ attempt: 2, attemptsBefore: 1 });
  const rows = await test.database.query<unknown[]>(
    `SELECT 1 FROM attempt WHERE message_id = ? AND number = 1 AND error_class = 'lease-expired'`,
    [again.messageId],
  );
  expect(rows).toHaveLength(1);
});

it('a channel beyond the inline limit is fanned out in steps to the consumers that existed', async () => {
  const { channelId, consumerIds } = await channelOf(3);
  const one = message(channelId);
  expect((await accept(test.database, [one], 2))[0]).toMatchObject({ kind: 'accepted', status: 'acknowledged', deliveries: 3 });
  expect(await fanOut(test.database, 60_000)).toBeUndefined();
  expect(await fanOut(test.database)).toEqual({ deliveries: 3, consumerIds, unjudged: [] });
  expect(await fanOut(test.database)).toBeUndefined();
  expect((await take(consumerIds[2]!)).claimed).toHaveLength(1);
});

it('two processes never hold the same number, and one leads at a time', async () => {
  const nodes = await Promise.all(Array.from({ length: 8 }, () => Node.join(test.database, 'ingest')));
  expect(new Set(nodes.map((n) => n.number)).size).toBe(8);
  const epochs = await Promise.all(nodes.map((n) => lead(test.database, n.id)));
  expect(epochs.filter((epoch) => epoch !== undefined)).toHaveLength(1);
});

it('partitions are made a week ahead, and again when days have passed', async () => {
  expect(await makePartitions(test.database)).toEqual([]);
  const made = await makePartitions(test.database, Date.now() + 2 * 86_400_000);
  expect(made).toHaveLength(6);
  expect(firstIdAt(EPOCH_MS)).toBe('0');
});

it('tells of each connection that it opens and closes', async () => {
  let open = 0;
  const database = await Database.open({ url: test.url, poolSize: 4, onConnection: (change) => (open += change) });
  await Promise.all([1, 2, 3].map(() => database.query('SELECT SLEEP(0.1)')));
  await database.packets('test', async (packets) => packets.commit({ sql: 'SELECT 1' }));
  // Half of the four are for packets.
  expect(open).toBe(3);
  await database.pinned((session) => session.query('SELECT 1'));
  await eventually(() => open === 2);
  await database.close();
  await eventually(() => open === 0);
});

it('counts the rows of a lane up to fewer the more lanes have many, and says so', async () => {
  const [full, ...others] = Array.from({ length: 451 }, (_, n) => 4_000_000_000 + n);
  const rowsOf = (id: number, count: number) => Array.from({ length: count }, (_, n) => [id, 9, n + 1, n + 1]);
  const rows = [...rowsOf(full!, 1_001), ...others.flatMap((id) => rowsOf(id, 101))];
  await test.database.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', [rows]);
  const sizes = async (consumerIds: readonly number[]) =>
    new Map([...(await waitsOf(test.database, consumerIds))].map(([id, { ready }]) => [id, ready]));
  const empty = 3_999_999_999;
  const few = new Map([
    [full, { rows: 1_001, capped: false }],
    [empty, { rows: 0, capped: false }],
  ]);
  expect(await sizes([full!, empty])).toEqual(few);
  const some = await sizes([full!, ...others.slice(0, 100)]);
  // What 101 lanes leave of 30 000 rows when they have been looked at for 100 each, shared out.
  expect(some.get(full!)).toEqual({ rows: 197, capped: true });
  expect(some.get(others[99]!)).toEqual({ rows: 101, capped: false });
  expect([...(await sizes([full!, ...others])).values()]).toEqual(Array.from({ length: 451 }, () => ({ rows: 100, capped: true })));
  await test.database.query('DELETE FROM ready WHERE consumer_id >= ?', [full]);
});
