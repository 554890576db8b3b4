import { msOf, type Id } from '@app/domain';
import type { Database } from './database.js';
import { NOT_HELD } from './key-rows.js';
import { scheduledBacklog } from './schedule.js';

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
