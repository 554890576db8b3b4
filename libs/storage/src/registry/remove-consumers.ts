import type { Session } from '../database.js';

/** Deletes consumers, ends their jobs and notes that what they leave is to be swept. A few hundred at most. */
export async function removeConsumers(session: Session, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await session.query('INSERT IGNORE INTO removed_consumer (id) VALUES ?', [ids.map((id) => [id])]);
  await session.query('DELETE FROM consumer WHERE id IN (?)', [ids]);
  await session.query(
    `UPDATE job FORCE INDEX (job_by_consumer) SET state = 'cancelled', error = 'consumer-deleted', finished_at = NOW(3), updated_at = NOW(3)
      WHERE consumer_id IN (?) AND state IN ('running', 'paused')`,
    [ids],
  );
}

/** The first consumers of a channel. */
export async function consumersOf(session: Session, channelId: number, limit: number): Promise<number[]> {
  const rows = await session.query<{ id: number }[]>(
    'SELECT id FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? ORDER BY channel_id, id LIMIT ?',
    [channelId, limit],
  );
  return rows.map(({ id }) => id);
}
