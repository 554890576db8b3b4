import type { Id } from '@app/domain';
import type { Database } from '../database.js';

import { boundsOf, byPlace, type Candidates, type Place, type TimeRange } from './scan.js';

/** The next dead letters of these consumers (at most 100), merged from their lists. `range` is of the messages' ids. */
export async function deadPlaces(
  database: Database,
  consumerIds: readonly number[],
  range: TimeRange,
  after: Place | undefined,
  most: number,
): Promise<Candidates> {
  const some = await consumersWithDead(database, consumerIds);
  if (some.length === 0) return { places: [], reached: undefined };
  const one = `(SELECT l.consumer_id AS consumerId, l.message_id AS messageId FROM dead_letter l FORCE INDEX (PRIMARY)
    WHERE l.consumer_id = ? AND l.message_id < ? AND l.message_id >= ? ORDER BY l.consumer_id DESC, l.message_id DESC LIMIT ?)`;
  const [to, from] = boundsOf(range);
  const rows = await database.query<Place[]>(
    some.map(() => one).join(' UNION ALL '),
    some.flatMap((id) => [id, after ? boundOf(after, id) : to, from, most]),
  );
  const places = rows.toSorted(byPlace).slice(0, most);
  return { places, reached: places.length < most ? undefined : places.at(-1) };
}

/** Below this id are those messages of a consumer that come behind a place. */
const boundOf = (after: Place, consumerId: number): Id =>
  consumerId < after.consumerId ? String(BigInt(after.messageId) + 1n) : after.messageId;

async function consumersWithDead(database: Database, consumerIds: readonly number[]): Promise<readonly number[]> {
  if (consumerIds.length <= 1) return consumerIds;
  const rows = await database.query<{ id: number }[]>('SELECT DISTINCT consumer_id AS id FROM dead_letter WHERE consumer_id IN (?)', [
    consumerIds,
  ]);
  return rows.map(({ id }) => id);
}
