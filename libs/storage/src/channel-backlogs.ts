import type { Database } from './database.js';

/** Rows of each of `retry`, `fanout` and `fanout_waiting`, which are not in the order of lanes, that are looked at in all. */
const LOOSE_ROWS = 50_000;
/** Lanes in one statement that asks which hold anything, and in one that counts. */
const LANE_STEP = 1_000;
const COUNT_STEP = 100;

/** What these channels themselves say about their backlog; null: nothing. One that is gone is missing. */
export async function maxBacklogs(database: Database, channelIds: readonly number[]): Promise<Map<number, number | null>> {
  if (channelIds.length === 0) return new Map();
  const rows = await database.query<{ id: number; max: number | null }[]>(
    'SELECT id, max_backlog AS max FROM channel FORCE INDEX (PRIMARY) WHERE id IN (?)',
    [channelIds],
  );
  return new Map(rows.map(({ id, max }) => [id, max]));
}

/**
 * Unfinished deliveries of channels: ready or in flight, behind others of their key, waiting for a retry, or to be made. A channel's count may end at its limit, so that it costs an index step for
 * each lane and a read for each of so many rows, however large the backlog. Retries that wait and messages to be fanned out, each as often as its channel has
 * consumers, are counted among the first 50 000 of all channels.
 */
export async function channelBacklogs(database: Database, limits: ReadonlyMap<number, number>): Promise<Map<number, number>> {
  const counts = new Map<number, number>([...limits.keys()].map((id) => [id, 0]));
  if (limits.size === 0) return counts;
  const channelOf = await consumersOf(database, [...limits.keys()]);
  const add = (channelId: number | undefined, count: number): void => {
    if (channelId !== undefined && counts.has(channelId)) counts.set(channelId, counts.get(channelId)! + count);
  };
  const left = (channelId: number): number => limits.get(channelId)! - counts.get(channelId)!;
  const consumers = new Map<number, number>();
  for (const channelId of channelOf.values()) consumers.set(channelId, (consumers.get(channelId) ?? 0) + 1);
  for (const [table, all] of [
    ['fanout', 'message_id > 0'],
    ['fanout_waiting', 'key_hash > 0'],
  ] as const)
    for (const [channelId, count] of await looseRows(database, table, 'channel_id', all))
      add(channelId, count * (consumers.get(channelId) ?? 0));
  for (const [consumerId, count] of await looseRows(database, 'retry', 'consumer_id', `due_at > '2000-01-01'`))
    add(channelOf.get(consumerId), count);
  for (const table of ['ready', 'key_waiting'] as const) {
    const open = [...channelOf.keys()].filter((id) => left(channelOf.get(id)!) > 0);
    const lanes = await activeAmong(database, table, open);
    for (let from = 0; from < lanes.length; from += COUNT_STEP) {
      const some = lanes.slice(from, from + COUNT_STEP).flatMap((id) => {
        const limit = left(channelOf.get(id)!);
        return limit > 0 ? [{ id, limit }] : [];
      });
      const lane = `${table} FORCE INDEX (PRIMARY) WHERE consumer_id = ?`;
      for (const [id, count] of await countUpTo(database, lane, some)) add(channelOf.get(id), count);
    }
  }
  return counts;
}

/** Messages of channels that wait for their time, each channel's counted up to its limit: a read for each of so many, however many are scheduled. */
export async function scheduledBacklogs(database: Database, limits: ReadonlyMap<number, number>): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const channels = Array.from(limits, ([id, limit]) => ({ id, limit }));
  for (let from = 0; from < channels.length; from += COUNT_STEP) {
    const of = 'scheduled FORCE INDEX (scheduled_by_channel) WHERE channel_id = ?';
    for (const [id, count] of await countUpTo(database, of, channels.slice(from, from + COUNT_STEP))) counts.set(id, count);
  }
  return counts;
}

/** The channel of each consumer, in the order of the channels. */
async function consumersOf(database: Database, channelIds: readonly number[]): Promise<Map<number, number>> {
  const rows = await database.query<{ id: number; channelId: number }[]>(
    'SELECT id, channel_id AS channelId FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id IN (?)',
    [channelIds],
  );
  return new Map(rows.map(({ id, channelId }) => [id, channelId]));
}

/** `all`: a range of the key that holds every row; of hashes all but one in 2^64, for MySQL reads no range where it knows that there is nothing else. */
async function looseRows(
  database: Database,
  table: 'retry' | 'fanout' | 'fanout_waiting',
  owner: 'consumer_id' | 'channel_id',
  all: string,
): Promise<Map<number, number>> {
  const rows = await database.query<{ id: number; n: string }[]>(
    `SELECT t.id, COUNT(*) AS n FROM (SELECT ${owner} AS id FROM ${table} FORCE INDEX (PRIMARY) WHERE ${all} LIMIT ?) t GROUP BY t.id`,
    [LOOSE_ROWS],
  );
  return new Map(rows.map(({ id, n }) => [id, Number(n)]));
}

type Lanes = 'ready' | 'key_waiting';

async function activeAmong(database: Database, table: Lanes, consumerIds: readonly number[]): Promise<number[]> {
  const active: number[] = [];
  for (let from = 0; from < consumerIds.length; from += LANE_STEP) {
    const rows = await database.query<{ id: number }[]>(`SELECT DISTINCT consumer_id AS id FROM ${table} WHERE consumer_id IN (?)`, [
      consumerIds.slice(from, from + LANE_STEP),
    ]);
    active.push(...rows.map(({ id }) => id));
  }
  return active;
}

/** For each id how many rows `of` it, a table with a condition, there are, up to its limit. */
async function countUpTo(database: Database, of: string, owners: readonly { id: number; limit: number }[]): Promise<[number, number][]> {
  if (owners.length === 0) return [];
  const one = `SELECT ? AS id, COUNT(*) AS n FROM (SELECT 1 FROM ${of} LIMIT ?) t`;
  const rows = await database.query<{ id: number | string; n: string }[]>(
    owners.map(() => one).join(' UNION ALL '),
    owners.flatMap(({ id, limit }) => [id, id, limit]),
  );
  return rows.map(({ id, n }) => [Number(id), Number(n)]);
}
