import type { Database } from '../database.js';

/** Those of the consumers that are open pull consumers and have something to lease: one step in the key for each, past the rows that are leased. */
export async function dueLanes(database: Database, consumerIds: readonly number[]): Promise<number[]> {
  if (consumerIds.length === 0) return [];
  const rows = await database.query<{ id: number; due: number | string | null }[]>(
    `SELECT c.id, (SELECT 1 FROM ready r FORCE INDEX (PRIMARY) WHERE r.consumer_id = c.id AND r.lease_until <= NOW(3) LIMIT 1) AS due
       FROM JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$')) k STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = k.c
      WHERE c.paused_at IS NULL AND c.disabled_at IS NULL AND c.type = 'pull'`,
    [JSON.stringify(consumerIds)],
  );
  return rows.filter(({ due }) => due !== null).map(({ id }) => id);
}
