import { msOf, type Id } from '@app/domain';
import type { Database } from './database.js';
import { NOT_HELD } from './key-rows.js';
import { scheduledBacklog } from './schedule.js';

/** Rows of each lane are counted up to this many, or up to fewer when many lanes hold something, so that a page costs the same. */
const COUNT_LIMIT = 10_000;
const LEAST_LIMIT = 1_000;
/** Rows that are read to count a page, unless that is less than 1000 for each lane. */
const COUNT_ROWS = 100_000;

export interface Lane {
  consumerId: number;
  rows: number;
  /** Whether there may be more. */
  capped: boolean;
  /** When its longest waiting row became ready, Unix ms. */
  readySinceMs: number;
}

/** What the order of its keys holds back for a consumer, each counted as its lane is. */
export interface HeldBack {
  /** Deliveries behind others of their key. */
  waiting: Count;
  /** Keys whose first message is a dead letter. */
  blockedKeys: Count;
}

/** Counts in one statement. */
const COUNT_STEP = 100;

/** Those of these consumers' lanes that hold anything, with their size (up to 10 000, and to 1000 at least) and age: an index step for each priority of each, and two round trips. */
export async function lanes(database: Database, consumerIds: readonly number[]): Promise<Lane[]> {
  if (consumerIds.length === 0) return [];
  const rows = await database.query<{ consumer_id: number; seq: Id }[]>(
    'SELECT consumer_id, prio_rank, MIN(seq) AS seq FROM ready WHERE consumer_id IN (?) GROUP BY consumer_id, prio_rank',
    [consumerIds],
  );
  const oldest = new Map<number, number>();
  for (const row of rows) oldest.set(row.consumer_id, Math.min(oldest.get(row.consumer_id) ?? Infinity, msOf(row.seq)));
  const counts = await countUpToLimit(database, 'ready', [...oldest.keys()]);
  return [...oldest].map(([consumerId, readySinceMs]) => {
    const { rows: size, capped } = counts.get(consumerId) ?? NO_ROWS;
    return { consumerId, rows: size, capped, readySinceMs };
  });
}

/** Those of these consumers for which the order of their keys holds anything back. */
export async function heldBack(database: Database, consumerIds: readonly number[]): Promise<Map<number, HeldBack>> {
  const [waiting, blocked] = [await countsOf(database, 'key_waiting', consumerIds), await countsOf(database, 'key_blocked', consumerIds)];
  const ids = new Set([...waiting.keys(), ...blocked.keys()]);
  return new Map([...ids].map((id) => [id, { waiting: waiting.get(id) ?? NO_ROWS, blockedKeys: blocked.get(id) ?? NO_ROWS }]));
}

/** Dead letters of each of these consumers that has any, counted up to 10 000, and to 1000 at least. */
export const deadLetterCounts = (database: Database, consumerIds: readonly number[]): Promise<Map<number, Count>> =>
  countsOf(database, 'dead_letter', consumerIds);

type ByConsumer = 'dead_letter' | 'key_waiting' | 'key_blocked';

async function countsOf(database: Database, table: ByConsumer, consumerIds: readonly number[]): Promise<Map<number, Count>> {
  if (consumerIds.length === 0) return new Map();
  const rows = await database.query<{ id: number }[]>(`SELECT DISTINCT consumer_id AS id FROM ${table} WHERE consumer_id IN (?)`, [
    consumerIds,
  ]);
  return countUpToLimit(
    database,
    table,
    rows.map(({ id }) => id),
  );
}

export interface Count {
  rows: number;
  /** Whether there may be more. */
  capped: boolean;
}

export const NO_ROWS: Count = { rows: 0, capped: false };

/** Rows of each consumer that has any. A count by a consumer that has none is wasted, so ask only for those that are known to have some. */
async function countUpToLimit(
  database: Database,
  table: 'ready' | ByConsumer,
  consumerIds: readonly number[],
): Promise<Map<number, Count>> {
  const limit = Math.max(LEAST_LIMIT, Math.min(COUNT_LIMIT, Math.floor(COUNT_ROWS / consumerIds.length)));
  const one = `SELECT ? AS id, COUNT(*) AS n FROM (SELECT 1 FROM ${table} FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT ?) t`;
  const counts = new Map<number, Count>();
  for (let from = 0; from < consumerIds.length; from += COUNT_STEP) {
    const some = consumerIds.slice(from, from + COUNT_STEP);
    const rows = await database.query<{ id: number | string; n: string }[]>(
      some.map(() => one).join(' UNION ALL '),
      some.flatMap((id) => [id, id, limit]),
    );
    for (const { id, n } of rows) if (Number(n) > 0) counts.set(Number(id), { rows: Number(n), capped: Number(n) >= limit });
  }
  return counts;
}

export interface Backlog {
  fanout: number;
  ready: number;
  retry: number;
  /** Behind others of their key, or their fan-outs are. */
  keyWaiting: number;
  /** Dead letters that hold their key. */
  keyBlocked: number;
  deadLetters: number;
  scheduled: number;
  /** How long ago the first scheduled message that has not left was due, ms. */
  scheduledOverdueMs: number;
  /** How long the longest waiting row of an open push consumer has been ready or accepted, ms; 0 when nothing waits. */
  oldestMs: number;
  /** The same of open pull consumers, whose rows wait for them, leased or not. */
  oldestPullMs: number;
}

const TABLE_COUNT_LIMIT = 1_000_000;
/** Rows at the head of `fanout` among which the oldest is looked for. */
const FANOUT_LOOK = 10_000;

/** Sizes of the tables of unfinished work, each counted up to a million, and the longest wait. */
export async function backlog(database: Database, nowMs = Date.now()): Promise<Backlog> {
  const count = async (table: string): Promise<number> => {
    const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} LIMIT ?) t`, [
      TABLE_COUNT_LIMIT,
    ]);
    return Number(row!.n);
  };
  const heads = await database.query<{ seq: Id; type: 'push' | 'pull' }[]>(
    `SELECT h.seq, c.type FROM (SELECT consumer_id, prio_rank, MIN(seq) AS seq FROM ready GROUP BY consumer_id, prio_rank) h
       STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = h.consumer_id WHERE c.paused_at IS NULL AND c.disabled_at IS NULL${NOT_HELD}`,
  );
  // A message that was scheduled waits since it was due, and comes first.
  const fanouts = await database.query<{ id: Id | null }[]>(
    'SELECT MIN(IF(seq = 0, message_id, seq)) AS id FROM (SELECT message_id, seq FROM fanout ORDER BY message_id LIMIT ?) t',
    [FANOUT_LOOK],
  );
  const scheduled = await scheduledBacklog(database, TABLE_COUNT_LIMIT);
  const startsOf = (type: 'push' | 'pull'): Id[] => heads.filter((head) => head.type === type).map((head) => head.seq);
  const ageOf = (ids: readonly Id[]): number => (ids.length === 0 ? 0 : Math.max(0, nowMs - Math.min(...ids.map(msOf))));
  return {
    fanout: await count('fanout'),
    ready: await count('ready'),
    retry: await count('retry'),
    keyWaiting: (await count('key_waiting')) + (await count('fanout_waiting')),
    keyBlocked: await count('key_blocked'),
    deadLetters: await count('dead_letter'),
    scheduled: scheduled.messages,
    scheduledOverdueMs: scheduled.overdueMs,
    oldestMs: ageOf([...startsOf('push'), ...fanouts.flatMap((row) => row.id ?? [])]),
    oldestPullMs: ageOf(startsOf('pull')),
  };
}
