import { type LaneBound, openLane } from './key-rows.js';
import type { Statement } from './packets.js';

/** All ranks: `prio_rank` is 9 - priority. */
export const RANKS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export interface OldestWish {
  type: 'push' | 'pull';
  consumerId: number;
  limit: number;
  /** Where to begin, for some ranks. */
  from?: readonly LaneBound[];
}

/**
 * Reads `columns` of the due rows of an open lane that have been ready the longest, whatever their rank, and locks them and no others: a look at the head of
 * each rank that locks nothing, merged (at most ten times `limit` keys are sorted, never the lane), then the rows by their keys. Those that somebody else
 * holds or has taken meanwhile are left out, so that it may give fewer than there are.
 */
export function oldestRows(columns: string, { type, consumerId, limit, from = [] }: OldestWish): Statement {
  const heads = RANKS.map((rank) =>
    headOf(
      consumerId,
      rank,
      limit,
      from.find((bound) => bound.rank === rank),
    ),
  );
  return {
    sql: `SELECT ${columns} FROM (SELECT u.p, u.s FROM (${heads.map(({ sql }) => sql).join(' UNION ALL ')}) u ORDER BY u.s LIMIT ?) k
       STRAIGHT_JOIN ready FORCE INDEX (PRIMARY) ON consumer_id = ${openLane(type)} AND prio_rank = k.p AND seq = k.s
      WHERE lease_until <= NOW(3) FOR UPDATE SKIP LOCKED`,
    values: [...heads.flatMap(({ values = [] }) => values), limit, consumerId],
  };
}

const headOf = (consumerId: number, rank: number, limit: number, bound: LaneBound | undefined): Statement => ({
  sql: `(SELECT prio_rank AS p, seq AS s FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND prio_rank = ?${bound ? ' AND seq >= ?' : ''}
      AND lease_until <= NOW(3) ORDER BY consumer_id, prio_rank, seq LIMIT ?)`,
  values: [consumerId, rank, ...(bound ? [bound.seq] : []), limit],
});
