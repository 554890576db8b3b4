import { COUNT_LIMIT } from './backlog.js';
import type { Database } from './database.js';

/** Dead letters of each consumer that has any, counted up to 10 000. */
export async function deadLetterCounts(database: Database, consumerIds: readonly number[]): Promise<Map<number, number>> {
  if (consumerIds.length === 0) return new Map();
  const one = `SELECT ? AS id, COUNT(*) AS n FROM (SELECT 1 FROM dead_letter FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT ?) t`;
  const rows = await database.query<{ id: number | string; n: string }[]>(
    consumerIds.map(() => one).join(' UNION ALL '),
    consumerIds.flatMap((id) => [id, id, COUNT_LIMIT]),
  );
  return new Map(rows.filter(({ n }) => Number(n) > 0).map(({ id, n }) => [Number(id), Number(n)]));
}
