import type { Database } from './database.js';

/** How far the clock of this process is ahead of the database's, ms; negative when it is behind. Exact to half the time that the question takes. */
export async function clockSkewMs(database: Database): Promise<number> {
  const askedAt = Date.now();
  const began = performance.now();
  const [row] = await database.query<{ ms: string }[]>('SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS ms');
  return Math.round(askedAt + (performance.now() - began) / 2 - Number(row!.ms));
}
