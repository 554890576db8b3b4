import { msOf, type Id } from '@app/domain';
import type { Database } from './database.js';

/** Rows are counted up to this many for each lane; a larger lane reads as this. */
export const COUNT_LIMIT = 10_000;

export interface Lane {
  consumerId: number;
  rows: number;
  /** When its longest waiting row became ready, Unix ms. */
  readySinceMs: number;
}

/** Every lane with its size (up to 10 000) and age: one index step for each lane and priority, and at most 10 000 rows read for each. */
export async function lanes(database: Database, consumerIds?: readonly number[]): Promise<Lane[]> {
  const rows = await database.query<{ consumer_id: number; seq: Id }[]>(
    `SELECT consumer_id, prio_rank, MIN(seq) AS seq FROM ready ${consumerIds ? 'WHERE consumer_id IN (?)' : ''} GROUP BY consumer_id, prio_rank`,
    consumerIds ? [consumerIds] : [],
  );
  const oldest = new Map<number, number>();
  for (const row of rows) oldest.set(row.consumer_id, Math.min(oldest.get(row.consumer_id) ?? Infinity, msOf(row.seq)));
  const found: Lane[] = [];
  for (const [consumerId, readySinceMs] of oldest) {
    const [count] = await database.query<{ n: string }[]>(
      'SELECT COUNT(*) AS n FROM (SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT ?) t',
      [consumerId, COUNT_LIMIT],
    );
    found.push({ consumerId, rows: Number(count!.n), readySinceMs });
  }
  return found;
}

export interface Backlog {
  fanout: number;
  ready: number;
  retry: number;
  deadLetters: number;
  /** How long the longest waiting row of an open consumer has been ready or accepted, ms; 0 when nothing waits. */
  oldestMs: number;
}

const TABLE_COUNT_LIMIT = 1_000_000;

/** Sizes of the tables of unfinished work, each counted up to a million, and the longest wait. */
export async function backlog(database: Database, nowMs = Date.now()): Promise<Backlog> {
  const count = async (table: string): Promise<number> => {
    const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} LIMIT ?) t`, [
      TABLE_COUNT_LIMIT,
    ]);
    return Number(row!.n);
  };
  const heads = await database.query<{ seq: Id }[]>(
    `SELECT h.seq FROM (SELECT consumer_id, prio_rank, MIN(seq) AS seq FROM ready GROUP BY consumer_id, prio_rank) h
       STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = h.consumer_id WHERE c.paused_at IS NULL AND c.disabled_at IS NULL`,
  );
  const fanouts = await database.query<{ id: Id | null }[]>('SELECT MIN(message_id) AS id FROM fanout');
  const starts = [...heads.map((head) => head.seq), ...fanouts.flatMap((row) => row.id ?? [])].map(msOf);
  return {
    fanout: await count('fanout'),
    ready: await count('ready'),
    retry: await count('retry'),
    deadLetters: await count('dead_letter'),
    oldestMs: starts.length === 0 ? 0 : Math.max(0, nowMs - Math.min(...starts)),
  };
}
