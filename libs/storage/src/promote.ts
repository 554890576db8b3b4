import type { Id } from '@app/domain';
import type { Database } from './database.js';
import { MAX_KEYS } from './key-rows.js';
import type { KeyColumns } from './ordering/key-place.js';

interface RetryRow extends KeyColumns {
  due: string;
  message_id: Id;
  consumer_id: number;
  prio_rank: number;
  attempts: number;
  attempts_before: number;
  replay: Id;
}

/**
 * Moves up to 500 retries that have been due for `overdueMs` from `retry` to `ready`, the longest due first; rows that another process is moving are
 * skipped. `mint` gives each its place at the end of its lane. Returns the consumers that have something to do now, with how many rows moved.
 */
export function promote(database: Database, mint: () => Id, overdueMs = 0): Promise<{ moved: number; consumerIds: number[] }> {
  return database.transaction('promote', async (session) => {
    const rows = await session.query<RetryRow[]>(
      `SELECT CAST(due_at AS CHAR) AS due, message_id, consumer_id, prio_rank, attempts, attempts_before, replay, key_hash, key_seq FROM retry FORCE INDEX (PRIMARY)
        WHERE due_at <= NOW(3) - INTERVAL ? MICROSECOND ORDER BY due_at, message_id, consumer_id LIMIT ? FOR UPDATE SKIP LOCKED`,
      [overdueMs * 1000, MAX_KEYS],
    );
    if (rows.length === 0) return { moved: 0, consumerIds: [] };
    await session.query(
      'INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay, key_hash, key_seq) VALUES ?',
      [
        rows.map((row) => [
          row.consumer_id,
          row.prio_rank,
          mint(),
          row.message_id,
          row.attempts,
          row.attempts_before,
          row.replay,
          row.key_hash,
          row.key_seq,
        ]),
      ],
    );
    await session.query(
      `DELETE q FROM JSON_TABLE(?, '$[*]' COLUMNS (d DATETIME(3) PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]', c INT UNSIGNED PATH '$[2]')) k
        STRAIGHT_JOIN retry q FORCE INDEX (PRIMARY) ON q.due_at = k.d AND q.message_id = k.m AND q.consumer_id = k.c`,
      [JSON.stringify(rows.map((row) => [row.due, row.message_id, row.consumer_id]))],
    );
    return { moved: rows.length, consumerIds: [...new Set(rows.map((row) => row.consumer_id))] };
  });
}

/** Milliseconds until the first retry is due, by the database's clock; 0 when one is due, undefined when there is none. */
export async function untilNextRetry(database: Database): Promise<number | undefined> {
  const [first] = await database.query<{ ms: string }[]>(
    'SELECT TIMESTAMPDIFF(MICROSECOND, NOW(3), due_at) DIV 1000 AS ms FROM retry FORCE INDEX (PRIMARY) ORDER BY due_at LIMIT 1',
  );
  return first && Math.max(0, Number(first.ms));
}
