import { deliveryStatusCode, type DeliveryStatus, type ErrorClass, type Id, type NextStep } from '@app/domain';
import {
  accept,
  claim,
  discard,
  type Found,
  Node,
  type Place,
  promote,
  redrive,
  searchDeadLetters,
  searchDeliveries,
  searchMessages,
  type SearchPage,
  settle,
} from '@app/storage';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { channelWith, newMessage } from './support/rows.js';

/** So that pages end short all the time. */
const TIGHT = { rows: 500, ms: 10_000 };
const TYPES = ['order.paid', 'order.refunded', 'user_created', 'userXcreated', null];

let test: TestDatabase;
let node: Node;
beforeAll(async () => {
  test = await freshDatabase();
  node = await Node.join(test.database, 'dispatcher');
});
afterAll(() => test.drop());

const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;

async function publish(channelId: number, count: number): Promise<Id[]> {
  const batch = Array.from({ length: count }, () => newMessage(node, channelId, { type: pick(TYPES), priority: pick([0, 0, 0, 4]) }));
  await accept(test.database, batch, 100);
  return batch.map(({ id }) => id);
}

/** Takes some deliveries and ends each somehow. */
async function attempt(consumerIds: readonly number[], count: number): Promise<void> {
  const wishes = consumerIds.map((consumerId) => ({ consumerId, limit: count, leaseMs: 600_000 }));
  const { claimed } = await claim(test.database, wishes, node.mint());
  const steps: NextStep[] = [
    { to: 'delivered' },
    { to: 'retry', delayMs: pick([0, 3_600_000]), errorClass: pick<ErrorClass>(['timeout', 'http-status']) },
    { to: 'dead', reason: 'attempts-exhausted', errorClass: pick<ErrorClass>(['timeout', 'tls']), disableConsumer: false },
  ];
  const ended = claimed.filter(() => Math.random() < 0.8);
  await settle(
    test.database,
    ended.map((one) => {
      const step = pick(steps);
      const errorClass = step.to === 'delivered' ? null : step.errorClass;
      return { claim: one, step, startedAtMs: Date.now(), durationMs: 1, httpCode: null, errorClass, responseBody: null };
    }),
    node,
  );
}

/** Reads all pages, with something else going on between them. */
async function walk<Row>(
  find: (page: SearchPage) => Promise<Found<Row>>,
  keyOf: (row: Row) => string,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<{ keys: string[]; pages: number }> {
  const keys: string[] = [];
  let after: Place | undefined;
  let pages = 0;
  do {
    const { rows, next } = await find({ limit: pick([1, 7, 40]), after });
    keys.push(...rows.map(keyOf));
    if (++pages > 5_000) throw new Error('the list does not end');
    after = next;
    if (after && pages % 3 === 0) await meanwhile();
  } while (after);
  return { keys, pages };
}

interface Kept {
  message_id: Id;
  consumer_id: number;
  status: number;
  error_class: string | null;
  type: string | null;
  updated_at: Date;
}
const readDeliveries = (channelId: number): Promise<Kept[]> =>
  test.database.query<Kept[]>(
    'SELECT d.message_id, d.consumer_id, d.status, d.error_class, d.updated_at, m.type FROM delivery d JOIN message m ON m.id = d.message_id WHERE m.channel_id = ?',
    [channelId],
  );

describe('while messages come, deliveries end, and dead letters are redriven and discarded', () => {
  let channelId: number;
  let consumerIds: number[];
  beforeAll(async () => {
    ({ channelId, consumerIds } = await channelWith(test.database, 4));
    await channelWith(test.database, 1).then((other) => publish(other.channelId, 50));
    for (let n = 0; n < 6; n++) {
      await publish(channelId, 60);
      await attempt(consumerIds, 40);
    }
  });

  const somethingElse = async (): Promise<void> => {
    await publish(channelId, 2);
    await attempt(consumerIds, 2);
    await promote(test.database, () => node.mint());
    if (Math.random() < 0.3) await redrive(test.database, pick(consumerIds), { errorClass: 'tls' }, () => node.mint(), '0', 2);
    if (Math.random() < 0.3) await discard(test.database, pick(consumerIds), { type: 'user*' }, '0', 2);
  };

  /**
   * What matched before the walk and after it, under the key of the list. A row that changed may have been another in between: redriven and dead once more.
   */
  async function expectOnce(
    keys: readonly string[],
    matches: (row: Kept) => boolean,
    before: readonly Kept[],
    changed: 'too' | 'not' = 'not',
  ): Promise<void> {
    const after = new Map((await readDeliveries(channelId)).map((row) => [`${row.message_id}/${row.consumer_id}`, row]));
    const same = before.filter((row) => {
      const now = after.get(`${row.message_id}/${row.consumer_id}`);
      return matches(row) && now && matches(now) && (changed === 'too' || now.updated_at.getTime() === row.updated_at.getTime());
    });
    const stayed = same.map((row) => `${row.message_id}/${row.consumer_id}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(stayed.length).toBeGreaterThan(0);
    expect(stayed.filter((key) => !keys.includes(key))).toEqual([]);
  }

  const keyOf = (row: { messageId: Id; consumerId: number }): string => `${row.messageId}/${row.consumerId}`;
  const statuses: (DeliveryStatus | undefined)[] = [undefined, 'queued', 'in-flight', 'retry-delivery', 'delivered', 'dead'];

  it.each(statuses)('a list of the deliveries of a channel has each that is %s all the time exactly once', async (status) => {
    const before = await readDeliveries(channelId);
    const { keys } = await walk((page) => searchDeliveries(test.database, { channelId }, { status }, page, TIGHT), keyOf, somethingElse);
    // A dead letter that is discarded leaves the list.
    const letters = new Set(
      (await test.database.query<Kept[]>('SELECT message_id, consumer_id FROM dead_letter')).map(
        (row) => `${row.message_id}/${row.consumer_id}`,
      ),
    );
    const listed = (row: Kept): boolean => status !== 'dead' || letters.has(`${row.message_id}/${row.consumer_id}`);
    const matches = (row: Kept): boolean => (status === undefined || row.status === deliveryStatusCode(status)) && listed(row);
    await expectOnce(keys, matches, before, status === undefined ? 'too' : 'not');
    expect(keys).toEqual(keys.toSorted((a, b) => compare(b, a)));
  });

  it('a list of the deliveries of a consumer by type and error class has each that matches all the time exactly once', async () => {
    const [consumerId] = consumerIds;
    const before = await readDeliveries(channelId);
    const filter = { type: 'order.*', errorClass: 'timeout' } as const;
    const { keys } = await walk(
      (page) => searchDeliveries(test.database, { consumerId: consumerId! }, filter, page, TIGHT),
      keyOf,
      somethingElse,
    );
    const matches = (row: Kept): boolean =>
      row.consumer_id === consumerId && row.error_class === 'timeout' && (row.type?.startsWith('order.') ?? false);
    await expectOnce(keys, matches, before);
  });

  it('a list of messages has each that was there all the time exactly once', async () => {
    const before = await test.database.query<{ id: Id }[]>(`SELECT id FROM message WHERE channel_id = ? AND type = 'order.paid'`, [
      channelId,
    ]);
    const [gone] = before.splice(20, 1);
    const find = (page: SearchPage) => searchMessages(test.database, channelId, { type: 'order.paid' }, page, TIGHT);
    let deleted = false;
    const { keys } = await walk(
      find,
      ({ id }) => id,
      async () => {
        await somethingElse();
        if (!deleted) await test.database.query('DELETE FROM message WHERE id = ?', [gone!.id]);
        deleted = true;
      },
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(before.filter(({ id }) => !keys.includes(id))).toEqual([]);
  });

  it('a list of dead letters has each that was there all the time exactly once', async () => {
    const [, consumerId] = consumerIds;
    const read = () =>
      test.database.query<{ id: Id }[]>(
        `SELECT l.message_id AS id FROM dead_letter l JOIN delivery d ON d.message_id = l.message_id AND d.consumer_id = l.consumer_id
          WHERE l.consumer_id = ? AND d.error_class = 'timeout'`,
        [consumerId],
      );
    const before = await read();
    const find = (page: SearchPage) => searchDeadLetters(test.database, consumerId!, { errorClass: 'timeout' }, page, TIGHT);
    const { keys } = await walk(find, ({ messageId }) => messageId, somethingElse);
    const after = new Set((await read()).map(({ id }) => id));
    expect(new Set(keys).size).toBe(keys.length);
    expect(before.filter(({ id }) => after.has(id) && !keys.includes(id))).toEqual([]);
  });
});

it('looks for the unfinished among all deliveries when there are too many, and finds the same', async () => {
  const { channelId, consumerIds } = await channelWith(test.database, 1);
  for (let n = 0; n < 6; n++) await publish(channelId, 400);
  await attempt(consumerIds, 30);
  const rows = await readDeliveries(channelId);
  for (const status of ['queued', 'in-flight', 'retry-delivery'] as const) {
    const expected = rows.filter((row) => row.status === deliveryStatusCode(status)).map((row) => row.message_id);
    const { keys } = await walk(
      (page) => searchDeliveries(test.database, { consumerId: consumerIds[0]! }, { status }, { ...page, limit: 500 }, TIGHT),
      ({ messageId }) => messageId,
    );
    expect([status, keys.toSorted(compare)]).toEqual([status, expected.toSorted(compare)]);
    if (status === 'queued') expect(expected.length).toBeGreaterThan(2_000);
  }
});

it('goes through one message that goes to many consumers in several steps', async () => {
  const { channelId, consumerIds } = await channelWith(test.database, 90);
  const ids = await publish(channelId, 8);
  const { keys, pages } = await walk(
    (page) => searchDeliveries(test.database, { channelId }, { errorClass: 'tls' }, page, { rows: 30, ms: 10_000 }),
    ({ messageId }) => messageId,
  );
  expect(keys).toEqual([]);
  expect(pages).toBeGreaterThanOrEqual((90 * 8) / 30);
  const all = await walk(
    (page) => searchDeliveries(test.database, { channelId }, {}, page, { rows: 30, ms: 10_000 }),
    (row) => `${row.messageId}/${row.consumerId}`,
  );
  expect(new Set(all.keys)).toEqual(new Set(ids.flatMap((id) => consumerIds.map((consumerId) => `${id}/${consumerId}`))));
  expect(all.keys).toHaveLength(90 * 8);
});

it('a pattern of types means what it means in filters: * is any characters, _ and ! are themselves', async () => {
  const { channelId } = await channelWith(test.database, 0);
  const batch = TYPES.map((type) => newMessage(node, channelId, { type }));
  await accept(test.database, batch, 100);
  const typesOf = async (type: string) => {
    const { rows } = await searchMessages(test.database, channelId, { type }, { limit: 50 }, TIGHT);
    return new Set(rows.map((row) => row.type));
  };
  expect(await typesOf('user_*')).toEqual(new Set(['user_created']));
  expect(await typesOf('*ed')).toEqual(new Set(['order.refunded', 'userXcreated', 'user_created']));
  expect(await typesOf('*')).toEqual(new Set(TYPES.filter((type) => type !== null)));
  expect(await typesOf('order.paid')).toEqual(new Set(['order.paid']));
  expect(await typesOf('order')).toEqual(new Set());
});

/** Of keys that begin with a message's id. */
function compare(a: string, b: string): number {
  const [[messageA, consumerA = '0'], [messageB, consumerB = '0']] = [a.split('/') as [string, string?], b.split('/') as [string, string?]];
  return Number(BigInt(messageA) - BigInt(messageB)) || Number(consumerA) - Number(consumerB);
}
