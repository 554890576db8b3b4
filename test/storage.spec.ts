import { EPOCH_MS, type Id, type NextStep, firstIdAt } from '@app/domain';
import {
  accept,
  activeLanes,
  claim,
  type Claimed,
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
  expect(await activeLanes(test.database)).toEqual(expect.arrayContaining(consumerIds));
  const { claimed } = await take(consumerIds[0]!);
  expect(claimed.map((c) => c.messageId)).toEqual([batch[2]!.id, batch[1]!.id, batch[3]!.id, batch[0]!.id]);
  expect((await take(consumerIds[0]!)).claimed).toEqual([]);
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

it('a result is written once: an old token changes nothing', async () => {
  const { channelId, consumerIds } = await channelOf(1);
  const two = [message(channelId), message(channelId)];
  await accept(test.database, two, 100);
  const old = (await take(consumerIds[0]!, 10, 0)).claimed;
  await eventually(async () => (await take(consumerIds[0]!, 1)).rescued === 1);
  const { fenced } = await settle(
    test.database,
    old.map((c) => outcome(c, { to: 'delivered' })),
    1,
  );
  expect(fenced.map((f) => f.claim.messageId)).toEqual([two[0]!.id]);
  expect([await statusOf(two[0]!.id), await statusOf(two[1]!.id)]).toEqual([2, 5]);
});

it('a retry waits in its own table, is promoted when due, and dies into the dead letters, from where it is redriven', async () => {
  const { channelId, consumerIds } = await channelOf(1);
  const one = message(channelId);
  await accept(test.database, [one], 100);
  const [first] = (await take(consumerIds[0]!)).claimed;
  await settle(test.database, [outcome(first!, { to: 'retry', delayMs: 0, errorClass: 'http-status' })], 1);
  expect(await statusOf(one.id)).toBe(3);
  expect((await promote(test.database, () => node.mint())).consumerIds).toEqual(consumerIds);
  const [second] = (await take(consumerIds[0]!)).claimed;
  expect(second).toMatchObject({ attempt: 2, attemptsBefore: 0 });
  expect(await statusOf(one.id)).toBe(4);
  await settle(
    test.database,
    [outcome(second!, { to: 'dead', reason: 'attempts-exhausted', errorClass: 'http-status', disableConsumer: false })],
    1,
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
  expect(await fanOut(test.database)).toEqual({ deliveries: 3, consumerIds });
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
