import type { Database } from './database.js';

/**
 * Ends the slow working off of a consumer's backlog if nothing is due in its lane any more, and its settings are those of `version`. Answers whether it did.
 * The consumer gets a new version, by which all dispatchers see it.
 */
export async function endResume(database: Database, consumerId: number, version: number): Promise<boolean> {
  const waiting = await database.query<unknown[]>(
    'SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND lease_until <= NOW(3) LIMIT 1',
    [consumerId],
  );
  if (waiting.length > 0) return false;
  const { affectedRows } = await database.query(
    `UPDATE consumer SET resume_rate = NULL, resumed_at = NULL, version = version + 1, updated_at = NOW(3)
      WHERE id = ? AND version = ? AND resume_rate IS NOT NULL AND paused_at IS NULL`,
    [consumerId, version],
  );
  return affectedRows === 1;
}
