import type { Id } from '@app/domain';
import type { Database } from './database.js';
import { MAX_KEYS, readyRows } from './key-rows.js';
import { endDeliveries } from './sweep-removed.js';

/**
 * Clears up to 500 rows that a deleted consumer left behind: its unfinished deliveries end as `dead` with `consumer-deleted`, its dead letters go.
 * Returns how many rows went.
 */
export async function sweepOrphans(database: Database): Promise<number> {
  return (await sweepReady(database)) + (await sweepDeadLetters(database));
}

async function orphans(database: Database, table: 'ready' | 'dead_letter'): Promise<number[]> {
  const rows = await database.query<{ id: number }[]>(
    `SELECT t.consumer_id AS id FROM (SELECT DISTINCT consumer_id FROM ${table}) t LEFT JOIN consumer c ON c.id = t.consumer_id WHERE c.id IS NULL`,
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

async function sweepDeadLetters(database: Database): Promise<number> {
  const [consumerId] = await orphans(database, 'dead_letter');
  if (consumerId === undefined) return 0;
  const { affectedRows } = await database.query('DELETE FROM dead_letter WHERE consumer_id = ? ORDER BY message_id LIMIT ?', [
    consumerId,
    MAX_KEYS,
  ]);
  return affectedRows;
}
