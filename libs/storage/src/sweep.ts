import type { Id } from '@app/domain';
import type { Database } from './database.js';
import { MAX_KEYS, readyRows } from './key-rows.js';
import { FANOUTS } from './ordering/enqueue.js';
import { endDeliveries } from './sweep-removed.js';

/**
 * Clears up to 500 rows that a deleted consumer left behind: its unfinished deliveries end as `dead` with `consumer-deleted`, its dead letters go.
 * Returns how many rows went.
 */
export async function sweepOrphans(database: Database): Promise<number> {
  const keys =
    (await sweepWaiting(database)) +
    (await sweepRows(database, 'key_head', 'key_hash')) +
    (await sweepRows(database, 'key_blocked', 'message_id'));
  return keys + (await sweepReady(database)) + (await sweepRows(database, 'dead_letter', 'message_id'));
}

async function orphans(database: Database, table: 'ready' | 'dead_letter' | 'key_head' | 'key_waiting' | 'key_blocked'): Promise<number[]> {
  const rows = await database.query<{ id: number }[]>(
    `SELECT t.consumer_id AS id FROM (SELECT DISTINCT consumer_id FROM ${table}) t LEFT JOIN consumer c ON c.id = t.consumer_id WHERE c.id IS NULL AND t.consumer_id <> ${FANOUTS}`,
  );
  return rows.map((row) => row.id);
}

async function sweepReady(database: Database): Promise<number> {
  const [consumerId] = await orphans(database, 'ready');
  if (consumerId === undefined) return 0;
  return database.transaction('sweep', async (session) => {
    const rows = await session.query<{ prio_rank: number; seq: Id; message_id: Id }[]>(
      `SELECT prio_rank, seq, message_id FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND lease_until <= NOW(3)
        ORDER BY consumer_id, prio_rank, seq LIMIT ? FOR UPDATE SKIP LOCKED`,
      [consumerId, MAX_KEYS],
    );
    if (rows.length === 0) return 0;
    await session.query(`DELETE r FROM ${readyRows()}`, [JSON.stringify(rows.map((row) => [consumerId, row.prio_rank, row.seq]))]);
    await endDeliveries(
      session,
      rows.map((row) => ({ messageId: row.message_id, consumerId })),
    );
    return rows.length;
  });
}

async function sweepWaiting(database: Database): Promise<number> {
  const [consumerId] = await orphans(database, 'key_waiting');
  if (consumerId === undefined) return 0;
  return database.transaction('sweep', async (session) => {
    const rows = await session.query<{ key_hash: Id; seq: Id; message_id: Id }[]>(
      `SELECT key_hash, seq, message_id FROM key_waiting FORCE INDEX (PRIMARY) WHERE consumer_id = ?
        ORDER BY consumer_id, key_hash, seq LIMIT ? FOR UPDATE SKIP LOCKED`,
      [consumerId, MAX_KEYS],
    );
    if (rows.length === 0) return 0;
    await session.query(
      `DELETE w FROM JSON_TABLE(?, '$[*]' COLUMNS (h BIGINT UNSIGNED PATH '$[0]', q BIGINT UNSIGNED PATH '$[1]')) k
        STRAIGHT_JOIN key_waiting w FORCE INDEX (PRIMARY) ON w.consumer_id = ? AND w.key_hash = k.h AND w.seq = k.q`,
      [JSON.stringify(rows.map((row) => [row.key_hash, row.seq])), consumerId],
    );
    await endDeliveries(
      session,
      rows.map((row) => ({ messageId: row.message_id, consumerId })),
    );
    return rows.length;
  });
}

async function sweepRows(database: Database, table: 'dead_letter' | 'key_head' | 'key_blocked', order: string): Promise<number> {
  const [consumerId] = await orphans(database, table);
  if (consumerId === undefined) return 0;
  const { affectedRows } = await database.query(`DELETE FROM ${table} WHERE consumer_id = ? ORDER BY ${order} LIMIT ?`, [
    consumerId,
    MAX_KEYS,
  ]);
  return affectedRows;
}
