import type { Database } from './database.js';

/** How long leadership lasts without being renewed. */
export const LEADER_LEASE_MS = 15_000;

/**
 * Takes or renews leadership until 15 s from now, by the database's clock. Returns the epoch, which grows with every taking, or undefined when somebody
 * else leads. Two processes are never both told yes for the same moment.
 */
export async function lead(database: Database, nodeId: string, name = 'failsafe'): Promise<string | undefined> {
  return database.transaction('lead', async (session) => {
    const { affectedRows } = await session.query(
      `UPDATE leader SET epoch = epoch + (node_id IS NULL OR node_id <> ?), node_id = ?, expires_at = NOW(3) + INTERVAL ? MICROSECOND
        WHERE name = ? AND (expires_at < NOW(3) OR node_id = ?)`,
      [nodeId, nodeId, LEADER_LEASE_MS * 1000, name, nodeId],
    );
    if (affectedRows === 0) return undefined;
    const [row] = await session.query<{ epoch: string }[]>('SELECT epoch FROM leader WHERE name = ?', [name]);
    return row!.epoch;
  });
}

/** Gives leadership up at once, if it is held. */
export async function resign(database: Database, nodeId: string, name = 'failsafe'): Promise<void> {
  await database.query(`UPDATE leader SET expires_at = '2000-01-01' WHERE name = ? AND node_id = ?`, [name, nodeId]);
}
