import { deliveryStatusName, type Id, type NextStep } from '@app/domain';
import {
  accept,
  acceptWhole,
  Audiences,
  claim,
  type Claimed,
  claimProbe,
  type Database,
  discard,
  fanOut,
  giveBack,
  loosen,
  type NewMessage,
  Node,
  promote,
  redrive,
  release,
  settle,
  type Settlement,
  stepJob,
  sweepOrphans,
  unblock,
  waitsOf,
} from '@app/storage';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { channelWith, newMessage } from './support/rows.js';

let test: TestDatabase;
let database: Database;
let node: Node;
const retries: string[] = [];

beforeAll(async () => {
  test = await freshDatabase({ onRetry: (transaction, code) => retries.push(`${transaction} ${code}`) });
  ({ database } = test);
  node = await Node.join(database, 'dispatcher');
});
afterAll(() => test.drop());

const mint = (): Id => node.mint();
const keyed = (channelId: number, key: string | null, more?: Partial<NewMessage>): NewMessage =>
  newMessage(node, channelId, { orderingKey: key, ...more });

async function orderedChannel(
  consumers = 1,
  exhausted = 'block',
): Promise<{ channelId: number; consumerIds: number[]; consumerId: number }> {
  const made = await channelWith(database, consumers);
  await database.query(`UPDATE consumer SET ordering = 'key', ordering_exhausted = ? WHERE id IN (?)`, [exhausted, made.consumerIds]);
  return { ...made, consumerId: made.consumerIds[0]! };
}

/** In batches of their own, one after another. */
async function publish(channelId: number, ...keys: (string | null)[]): Promise<Id[]> {
  const messages = keys.map((key) => keyed(channelId, key));
  for (const message of messages) await accept(database, [message], 100);
  return messages.map(({ id }) => id);
}

const take = async (consumerId: number, limit = 100): Promise<Claimed[]> =>
  (await claim(database, [{ consumerId, limit, leaseMs: 30_000 }], mint())).claimed;

const outcome = (one: Claimed, step: NextStep): Settlement => ({
  claim: one,
  step,
  startedAtMs: Date.now(),
  durationMs: 1,
  httpCode: step.to === 'delivered' ? 200 : 500,
  errorClass: step.to === 'delivered' ? null : step.errorClass,
  responseBody: null,
});
const DELIVERED: NextStep = { to: 'delivered' };
const AGAIN: NextStep = { to: 'retry', delayMs: 0, errorClass: 'timeout' };
const DEAD: NextStep = { to: 'dead', reason: 'attempts-exhausted', errorClass: 'timeout', disableConsumer: false };

const end = (claims: readonly Claimed[], step: NextStep) =>
  settle(
    database,
    claims.map((one) => outcome(one, step)),
    node,
  );
const idsOf = (claims: readonly Claimed[]): Id[] => claims.map(({ messageId }) => messageId);

/** Claims and delivers until nothing is left; answers the ids in the order in which they came. */
async function drain(consumerId: number): Promise<Id[]> {
  const ids: Id[] = [];
  for (;;) {
    const claimed = await take(consumerId);
    if (claimed.length === 0) return ids;
    ids.push(...idsOf(claimed));
    await end(claimed, DELIVERED);
  }
}

const rowsOf = async (table: string, consumerId: number): Promise<number> => {
  const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM ${table} WHERE consumer_id = ?`, [consumerId]);
  return Number(row!.n);
};
const leftOf = (consumerId: number): Promise<number[]> =>
  Promise.all(['ready', 'retry', 'key_head', 'key_waiting', 'key_blocked'].map((table) => rowsOf(table, consumerId)));
const NOTHING = [0, 0, 0, 0, 0];

const statusOf = async (id: Id, consumerId: number): Promise<string> => {
  const [row] = await database.query<{ status: number }[]>('SELECT status FROM delivery WHERE message_id = ? AND consumer_id = ?', [
    id,
    consumerId,
  ]);
  return deliveryStatusName(row!.status);
};

describe('a key', () => {
  it('has one delivery out at a time, in the order of publication, while other keys and messages without a key go on', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const [a1, a2, b1, n1, a3, n2] = await publish(channelId, 'a', 'a', 'b', null, 'a', null);
    expect(await statusOf(a2!, consumerId)).toBe('queued');
    const first = await take(consumerId);
    expect(idsOf(first)).toEqual([a1, b1, n1, n2]);
    expect(await take(consumerId)).toEqual([]);
    await end(first.slice(1), DELIVERED);
    expect(await take(consumerId)).toEqual([]);
    await end(first.slice(0, 1), DELIVERED);
    expect(await drain(consumerId)).toEqual([a2, a3]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('is in the order in which its messages were acknowledged, whatever the clocks of those who accepted them say', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const slow = keyed(channelId, 'k');
    const fast = [keyed(channelId, 'k'), keyed(channelId, 'k')];
    await accept(database, fast, 100);
    await accept(database, [slow], 100);
    expect(await drain(consumerId)).toEqual([...fast.map(({ id }) => id), slow.id]);
  });

  it('is in the order of a batch, also with what is known of the channel from the batch before, and by consumer', async () => {
    const { channelId, consumerIds } = await orderedChannel(3);
    await database.query(`UPDATE consumer SET ordering = 'none' WHERE id = ?`, [consumerIds[2]]);
    const audiences = new Audiences();
    const batches = [0, 1, 2].map(() => ['a', 'b', 'a', 'a', 'b'].map((key) => keyed(channelId, key)));
    for (const batch of batches) await accept(database, batch, 100, audiences);
    const of = (key: string): Id[] => batches.flat().flatMap(({ id, orderingKey }) => (orderingKey === key ? [id] : []));
    expect(await take(consumerIds[2]!)).toHaveLength(15);
    for (const consumerId of consumerIds.slice(0, 2)) {
      expect(await rowsOf('ready', consumerId)).toBe(2);
      const ids = await drain(consumerId);
      for (const key of ['a', 'b']) expect(ids.filter((id) => of(key).includes(id))).toEqual(of(key));
      expect(await leftOf(consumerId)).toEqual(NOTHING);
    }
  });

  it('counts for more than the priority of its messages, which holds between keys', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const batch = (
      [
        ['a', 0],
        ['a', 9],
        ['b', 5],
      ] as const
    ).map(([key, priority]) => keyed(channelId, key, { priority }));
    await accept(database, batch, 100);
    const [a1, a2, b1] = batch.map(({ id }) => id);
    const [one] = await take(consumerId, 1);
    expect(one!.messageId).toBe(b1);
    const [two] = await take(consumerId, 1);
    expect(two!.messageId).toBe(a1);
    await end([one!, two!], DELIVERED);
    expect(await drain(consumerId)).toEqual([a2]);
  });

  it('waits while its first message is tried again', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const ids = await publish(channelId, 'k', 'k');
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [head, ...others] = await take(consumerId);
      expect([head!.messageId, head!.attempt, others.length]).toEqual([ids[0], attempt, 0]);
      await end([head!], AGAIN);
      await promote(database, mint);
    }
    await giveBack(database, await take(consumerId));
    expect(await drain(consumerId)).toEqual(ids);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('is let go by whoever owns its first message, once: a late result changes nothing', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const ids = await publish(channelId, 'k', 'k', 'k');
    const late = await take(consumerId);
    await database.query(`UPDATE ready SET lease_until = '2000-01-01' WHERE consumer_id = ?`, [consumerId]);
    const now = await take(consumerId);
    expect(idsOf(now)).toEqual(idsOf(late));
    expect((await end(late, DELIVERED)).fenced).toHaveLength(1);
    expect(await take(consumerId)).toEqual([]);
    await end(now, DELIVERED);
    expect((await end(late, DELIVERED)).fenced).toHaveLength(1);
    // Said twice because an answer was lost.
    await end(now, DELIVERED);
    expect(await rowsOf('ready', consumerId)).toBe(1);
    expect(await drain(consumerId)).toEqual(ids.slice(1));
  });
});

it('a delivery that tries whether a breaker may close lets the next one of its key go as any other', async () => {
  const { channelId, consumerId } = await orderedChannel();
  const ids = await publish(channelId, 'k', 'k');
  await database.query(`UPDATE consumer SET breaker_until = '2000-01-01', breaker_opened_at = '2000-01-01' WHERE id = ?`, [consumerId]);
  const probed = await claimProbe(database, consumerId, 30_000, mint());
  expect(idsOf(probed!.claimed)).toEqual([ids[0]]);
  await end(probed!.claimed, DELIVERED);
  await database.query('UPDATE consumer SET breaker_until = NULL, breaker_probe = NULL WHERE id = ?', [consumerId]);
  expect(await drain(consumerId)).toEqual([ids[1]]);
  expect(await leftOf(consumerId)).toEqual(NOTHING);
});

describe('a key whose first message is dead', () => {
  async function exhausted(mode: string, ...keys: string[]) {
    const made = await orderedChannel(1, mode);
    const ids = await publish(made.channelId, ...keys);
    const claimed = await take(made.consumerId);
    await end(claimed.slice(0, 1), DEAD);
    await end(claimed.slice(1), DELIVERED);
    return { ...made, ids };
  }

  it('waits until it is redriven, and keeps its order', async () => {
    const { consumerId, ids } = await exhausted('block', 'a', 'a', 'b', 'a');
    expect(await take(consumerId)).toEqual([]);
    expect((await waitsOf(database, [consumerId])).get(consumerId)).toEqual({
      ready: { rows: 0, capped: false },
      readySinceMs: undefined,
      waiting: { rows: 2, capped: false },
      blockedKeys: { rows: 1, capped: false },
      deadLetters: { rows: 1, capped: false },
    });
    expect(await unblock(database)).toEqual({ count: 0, consumerIds: [] });
    expect((await redrive(database, consumerId, {}, mint)).count).toBe(1);
    expect(await drain(consumerId)).toEqual([ids[0], ids[1], ids[3]]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('waits until it is discarded, and goes on without it', async () => {
    const { consumerId, ids } = await exhausted('block', 'a', 'a', 'b', 'a');
    expect((await discard(database, consumerId, {})).count).toBe(1);
    expect(await drain(consumerId)).toEqual([ids[1], ids[3]]);
    expect(await statusOf(ids[0]!, consumerId)).toBe('dead');
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('waits again when it is dead again', async () => {
    const { consumerId, ids } = await exhausted('block', 'a', 'a');
    await redrive(database, consumerId, {}, mint);
    await end(await take(consumerId), DEAD);
    expect(await leftOf(consumerId)).toEqual([0, 0, 1, 1, 1]);
    await redrive(database, consumerId, {}, mint);
    expect(await drain(consumerId)).toEqual(ids);
  });

  it('goes on when it is redriven and its message is not there any more', async () => {
    const { consumerId, ids } = await exhausted('block', 'a', 'a');
    await database.query('DELETE FROM message WHERE id = ?', [ids[0]]);
    expect((await redrive(database, consumerId, {}, mint)).count).toBe(0);
    expect(await drain(consumerId)).toEqual([ids[1]]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('goes on at once when its consumer wants it so, and the dead letter comes at the end of the key when it is redriven', async () => {
    const { channelId, consumerId, ids } = await exhausted('dead-letter', 'a', 'a', 'a');
    const [head] = await take(consumerId);
    expect(head!.messageId).toBe(ids[1]);
    await redrive(database, consumerId, {}, mint);
    const [last] = await publish(channelId, 'a');
    await end([head!], DELIVERED);
    const order: Id[] = [];
    for (let claimed = await take(consumerId); claimed.length > 0; claimed = await take(consumerId)) {
      order.push(...idsOf(claimed));
      if (claimed[0]!.messageId === ids[0]) expect([claimed[0]!.attempt, claimed[0]!.attemptsBefore]).toEqual([2, 1]);
      await end(claimed, DELIVERED);
    }
    expect(order).toEqual([ids[2], ids[0], last]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it.each([
    ['lets the next one go', `ordering_exhausted = 'dead-letter'`],
    ['asks for no order', `ordering = 'none'`],
  ])('goes on when its consumer %s from now on', async (_what, change) => {
    const { consumerId, ids } = await exhausted('block', 'a', 'a', 'a');
    await database.query(`UPDATE consumer SET ${change} WHERE id = ?`, [consumerId]);
    expect(await unblock(database)).toEqual({ count: 1, consumerIds: [consumerId] });
    expect(await drain(consumerId)).toEqual([ids[1], ids[2]]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });
});

it('what is replayed takes its place at the ends of its keys, with its mark', async () => {
  const { channelId, consumerId } = await orderedChannel();
  const ids = await publish(channelId, 'a', 'a', 'b', null);
  await drain(consumerId);
  const live = await publish(channelId, 'a');
  const [head] = await take(consumerId);
  const job = mint();
  await database.query(
    `INSERT INTO job (id, kind, cause, channel_id, consumer_id, channel_name, consumer_name, settings, end_id)
     VALUES (?, 'replay', 'request', ?, ?, 'a', 'c', '{}', ?)`,
    [job, channelId, consumerId, ids.at(-1)],
  );
  expect(await stepJob(database, job, { mint, aheadRows: 1_000 })).toMatchObject({ state: 'done', done: 4 });
  const others = await take(consumerId);
  expect(idsOf(others)).toEqual([ids[2], ids[3]]);
  await end([...others, head!], DELIVERED);
  const order: Claimed[] = [];
  for (let claimed = await take(consumerId); claimed.length > 0; claimed = await take(consumerId)) {
    order.push(...claimed);
    await end(claimed, DELIVERED);
  }
  expect([head!.messageId, ...idsOf(order)]).toEqual([...live, ids[0], ids[1]]);
  expect(order.map(({ replay }) => replay)).toEqual([job, job]);
  expect(await leftOf(consumerId)).toEqual(NOTHING);
});

it('what waits for its fan-out behind others of its key is not made a second time by a replay', async () => {
  const { channelId, consumerId } = await orderedChannel(3);
  const ids = ['k', 'k', 'k'].map((key) => keyed(channelId, key));
  for (const message of ids) await accept(database, [message], 2);
  const job = mint();
  await database.query(
    `INSERT INTO job (id, kind, cause, channel_id, consumer_id, channel_name, consumer_name, settings, end_id)
     VALUES (?, 'replay', 'request', ?, ?, 'a', 'c', '{}', ?)`,
    [job, channelId, consumerId, ids.at(-1)!.id],
  );
  expect(await stepJob(database, job, { mint, aheadRows: 1_000 })).toMatchObject({ done: 0, skipped: 3 });
  while (await fanOut(database));
  expect(await drain(consumerId)).toEqual(ids.map(({ id }) => id));
});

/** Lets everything that is scheduled on a channel be due now, in the order of `ids`, a millisecond apart. */
async function dueNow(ids: readonly Id[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    await database.query('UPDATE message SET deliver_at = NOW(3) - INTERVAL ? MICROSECOND WHERE id = ?', [(ids.length - n) * 1000, id]);
    await database.query('UPDATE scheduled SET due_at = (SELECT deliver_at FROM message WHERE id = ?) WHERE message_id = ?', [id, id]);
  }
}

const LATER = { due: { afterSeconds: 3_600 } };

describe('a channel that has shrunk to what is served inline', () => {
  type Publish = (messages: NewMessage[], known: Audiences) => Promise<unknown>;
  const released: Publish = async (messages) => {
    const later = messages.map((message) => ({ ...message, ...LATER }));
    await accept(database, later, 100);
    await dueNow(later.map(({ id }) => id));
    await release(database, mint, { inlineFanout: 100 });
  };
  it.each<[string, Publish]>([
    ['one after another', async (messages) => void (await accept(database, messages, 100))],
    ['by what was known of it', (messages, known) => accept(database, messages, 100, known)],
    ['as a whole', (messages) => acceptWhole(database, messages, 100)],
    ['when they are due', released],
  ])('lets nobody overtake those of its key that wait for their fan-out: published %s', async (_how, publishThem) => {
    const { channelId, consumerIds } = await orderedChannel(3);
    const early = ['a', 'b', 'a', 'a'].map((key) => keyed(channelId, key));
    for (const message of early) await accept(database, [message], 2);
    // One of its consumers goes.
    await database.query('DELETE FROM consumer WHERE id = ?', [consumerIds.pop()]);
    await fanOut(database);
    const known = new Audiences();
    await accept(database, [keyed(channelId, 'other')], 100, known);
    const late = ['a', 'free', 'b', 'a'].map((key) => keyed(channelId, key));
    await publishThem(late, known);
    const direct = late.filter(({ orderingKey }) => orderingKey === 'free');
    const [waiting] = await database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message WHERE channel_id = ? AND status = 1', [
      channelId,
    ]);
    expect(Number(waiting!.n)).toBe(6);
    while (await fanOut(database));
    const [last] = await publish(channelId, 'a');
    for (const consumerId of consumerIds) {
      const ids = await drain(consumerId);
      const all = [...early, ...late];
      for (const key of ['a', 'b']) {
        const expected = all.filter(({ orderingKey }) => orderingKey === key).map(({ id }) => id);
        expect(ids.filter((id) => expected.includes(id))).toEqual(expected);
      }
      expect(ids).toContain(direct[0]!.id);
      expect(ids.at(-1)).toBe(last);
      expect(await leftOf(consumerId)).toEqual(NOTHING);
    }
    expect(await leftOf(0)).toEqual(NOTHING);
  });

  it('makes ready at once what has no order, or no other of its key before it', async () => {
    const { channelId, consumerId } = await orderedChannel(3);
    const plain = await channelWith(database, 1);
    await accept(database, [keyed(channelId, 'k')], 2);
    for (const message of [keyed(plain.channelId, 'k'), keyed(channelId, null), keyed(channelId, 'l')]) {
      expect(await accept(database, [message], 100, new Audiences())).toMatchObject([{ status: 'out-for-delivery' }]);
    }
    expect(await accept(database, [keyed(channelId, 'k')], 100)).toMatchObject([
      { status: 'acknowledged', deliveries: 3, consumerIds: [] },
    ]);
    while (await fanOut(database));
    expect(await drain(consumerId)).toHaveLength(4);
  });
});

describe('a scheduled message', () => {
  it('takes its place in its key when it is due, not when it was published', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const [first, second] = [keyed(channelId, 'k', LATER), keyed(channelId, 'k', LATER)];
    await accept(database, [first, second], 100);
    const before = await publish(channelId, 'k', 'k');
    const [head] = await take(consumerId);
    expect(head!.messageId).toBe(before[0]);
    // In the other order than they were published in.
    await dueNow([second.id, first.id]);
    expect(await release(database, mint, { inlineFanout: 100 })).toMatchObject({ released: 2, deliveries: 2, fanouts: 0 });
    const after = await publish(channelId, 'k');
    expect(await take(consumerId)).toEqual([]);
    await end([head!], DELIVERED);
    expect(await drain(consumerId)).toEqual([before[1], second.id, first.id, ...after]);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('of a channel with more consumers than are served inline keeps the place in the lanes that it got when it was due', async () => {
    const { channelId, consumerId, consumerIds } = await orderedChannel(3);
    await database.query(`UPDATE consumer SET ordering = 'none' WHERE id = ?`, [consumerIds[2]]);
    const old = ['k', 'k', 'l', null].map((key) => keyed(channelId, key, LATER));
    await accept(database, old, 2);
    const middle = mint();
    await dueNow(old.map(({ id }) => id));
    expect(await release(database, mint, { inlineFanout: 2 })).toMatchObject({ released: 4, fanouts: 4 });
    // Nothing of it is old work, though its ids are.
    await database.query('UPDATE fanout SET message_id = message_id - (3600000 << 22) WHERE channel_id = ?', [channelId]);
    expect(await fanOut(database, 600_000)).toBeUndefined();
    await database.query('UPDATE fanout SET message_id = message_id + (3600000 << 22) WHERE channel_id = ?', [channelId]);
    while (await fanOut(database));
    // All four for the consumer without an order, the first of each key for the others.
    const ready = await database.query<{ seq: Id }[]>('SELECT seq FROM ready WHERE consumer_id IN (?)', [consumerIds]);
    expect(ready).toHaveLength(10);
    for (const { seq } of ready) expect(BigInt(seq)).toBeGreaterThan(BigInt(middle));
    const ids = await drain(consumerId);
    expect(ids.filter((id) => id === old[0]!.id || id === old[1]!.id)).toEqual([old[0]!.id, old[1]!.id]);
  });

  it('waits for those of its key that were due before and are being released by another process, and others do not', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const messages = ['k', 'l', 'k', null].map((key) => keyed(channelId, key, LATER));
    await accept(database, messages, 100);
    const ids = messages.map(({ id }) => id);
    await dueNow(ids);
    await database.transaction('another release', async (session) => {
      await session.query('SELECT 1 FROM scheduled FORCE INDEX (PRIMARY) ORDER BY due_at, message_id LIMIT 1 FOR UPDATE');
      expect((await release(database, mint, { inlineFanout: 100 })).released).toBe(2);
      expect((await release(database, mint, { inlineFanout: 100 })).released).toBe(0);
    });
    expect((await release(database, mint, { inlineFanout: 100 })).released).toBe(2);
    const order = await drain(consumerId);
    expect(order.toSorted()).toEqual(ids.toSorted());
    expect(order.indexOf(ids[0]!)).toBeLessThan(order.indexOf(ids[2]!));
  });
});

describe('a consumer that asks for no order any more', () => {
  it('gets what waited, and what is left of a key is in order when it asks for it again', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const long = Array.from({ length: 530 }, () => keyed(channelId, 'long'));
    const short = ['x', 'y', 'x', 'y'].map((key) => keyed(channelId, key));
    await accept(database, [...long, ...short], 100);
    await database.query(`UPDATE consumer SET ordering = 'none' WHERE id = ?`, [consumerId]);
    expect((await loosen(database)).count).toBe(500);
    await database.query(`UPDATE consumer SET ordering = 'key' WHERE id = ?`, [consumerId]);
    expect(await loosen(database)).toEqual({ count: 0, consumerIds: [] });
    const more = await publish(channelId, 'long', 'x');
    const ids = await drain(consumerId);
    expect(new Set(ids)).toEqual(new Set([...long, ...short].map(({ id }) => id).concat(more)));
    const waited = ids.filter((id) => long.slice(0, 25).some((one) => one.id === id));
    expect(waited).toEqual(long.slice(0, 25).map(({ id }) => id));
    expect(ids.indexOf(more[0]!)).toBeGreaterThan(ids.indexOf(long[24]!.id));
    expect(await leftOf(consumerId)).toEqual(NOTHING);
  });

  it('gets everything at once when nobody changes his mind', async () => {
    const { channelId, consumerId } = await orderedChannel();
    await publish(channelId, 'a', 'a', 'b', 'b', 'b');
    const head = (await take(consumerId)).find(Boolean)!;
    await database.query(`UPDATE consumer SET ordering = 'none' WHERE id = ?`, [consumerId]);
    expect((await loosen(database)).count).toBe(3);
    expect((await loosen(database)).count).toBe(0);
    await publish(channelId, 'a');
    expect(await take(consumerId)).toHaveLength(4);
    await end([head], DELIVERED);
    expect(await rowsOf('key_head', consumerId)).toBe(1);
  });

  it('that is deleted leaves nothing behind, and what waited for it is dead', async () => {
    const { channelId, consumerId } = await orderedChannel();
    const ids = await publish(channelId, 'a', 'a', 'b', 'b', 'c');
    const claimed = await take(consumerId);
    await end(claimed.slice(0, 1), DEAD);
    await giveBack(database, claimed.slice(1));
    await database.query('DELETE FROM consumer WHERE id = ?', [consumerId]);
    while ((await sweepOrphans(database)) > 0);
    expect(await leftOf(consumerId)).toEqual(NOTHING);
    for (const id of ids) expect(await statusOf(id, consumerId)).toBe('dead');
  });
});

describe('a channel with more consumers than are served at once', () => {
  const sequenced = (channelId: number) => (key: string | null) => keyed(channelId, key);

  it('fans out the messages of a key one after another, and others past them', async () => {
    const { channelId, consumerId } = await orderedChannel(3);
    // In the order of the commits, which is not that of the ids.
    const messages = ['k', 'k', null, 'k'].map(sequenced(channelId)).toReversed();
    for (const message of messages) await accept(database, [message], 2);
    const [first, plain] = [messages[0]!, messages[1]!];
    const step = await database.transaction('holder', async (holder) => {
      await holder.query('SELECT 1 FROM fanout WHERE message_id = ? FOR UPDATE', [first.id]);
      expect((await fanOut(database))?.deliveries).toBe(3);
      expect(await fanOut(database)).toBeUndefined();
      return drain(consumerId);
    });
    expect(step).toEqual([plain.id]);
    for (let n = 0; n < 3; n++) expect((await fanOut(database))?.deliveries).toBe(3);
    expect(await fanOut(database)).toBeUndefined();
    expect(await drain(consumerId)).toEqual([messages[0]!.id, messages[2]!.id, messages[3]!.id]);
    expect(await rowsOf('key_head', 0)).toBe(0);
  });

  it('fans out the messages of a key in any order when nobody asks for one', async () => {
    const { channelId } = await channelWith(database, 3);
    await accept(database, ['k', 'k'].map(sequenced(channelId)), 2);
    const [row] = await database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM fanout WHERE channel_id = ? AND key_hash IS NULL', [
      channelId,
    ]);
    expect(row!.n).toBe('2');
    while (await fanOut(database));
  });
});

it('many who publish, claim and settle the same keys at once keep the order and do not get into each other’s way', async () => {
  const { channelId, consumerIds } = await orderedChannel(2);
  const [keys, rounds] = [12, 25];
  const published = new Map<string, Id[]>();
  const order = new Map<string, Id[]>();
  const byPublisher: Id[][] = [[], [], []];
  const work = { publishing: 3, left: 0 };
  const publisher = async (p: number): Promise<void> => {
    const audiences = new Audiences();
    for (let round = 0; round < rounds; round++) {
      const batch = Array.from({ length: 8 }, (_, n) => keyed(channelId, `${(p % 2) + 2 * ((round * 5 + n * 7) % (keys / 2))}`));
      work.left += batch.length * consumerIds.length;
      byPublisher[p]!.push(...batch.map(({ id }) => id));
      await accept(database, batch, 100, audiences);
    }
    work.publishing--;
  };
  const dispatcher = async (): Promise<void> => {
    while (work.left > 0 || work.publishing > 0) {
      const wishes = consumerIds.map((consumerId) => ({ consumerId, limit: 20, leaseMs: 30_000 }));
      const { claimed } = await claim(database, wishes, mint());
      for (const one of claimed) {
        const name = `${one.consumerId}/${one.key!.hash}`;
        order.set(name, [...(order.get(name) ?? []), one.messageId]);
      }
      work.left -= claimed.length;
      await end(claimed, DELIVERED);
    }
  };
  await Promise.all([publisher(0), publisher(1), publisher(2), dispatcher(), dispatcher(), dispatcher()]);
  const rows = await database.query<{ id: Id; ordering_key: string }[]>('SELECT id, ordering_key FROM message WHERE channel_id = ?', [
    channelId,
  ]);
  for (const { id, ordering_key } of rows) published.set(ordering_key, [...(published.get(ordering_key) ?? []), id]);
  expect(order.size).toBe(keys * consumerIds.length);
  const all = (ids: readonly Id[]): string => ids.toSorted().join();
  // Each consumer got each key in one order, the same for both: that of the commits.
  const byOrder = [...order].map(([name, ids]) => [name.slice(name.indexOf('/')), ids.join()] as const);
  expect(new Set(byOrder.map(([hash, ids]) => hash + ids)).size).toBe(keys);
  expect(new Set([...order.values()].map(all))).toEqual(new Set([...published.values()].map(all)));
  for (const mine of byPublisher) {
    const place = new Map(mine.map((id, n) => [id, n]));
    for (const ids of order.values()) {
      const places = ids.flatMap((id) => place.get(id) ?? []);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    }
  }
  for (const consumerId of consumerIds) expect(await leftOf(consumerId)).toEqual(NOTHING);
  expect(retries).toEqual([]);
});
