import type { Id } from '@app/domain';

/**
 * Statements that change rows by a list of primary keys read the list from one JSON parameter and reach each row through its key:
 * `DELETE … WHERE pk IN (…)` on a small hot table turns into a full scan that waits on rows it was not asked about (docs/decisions/0002).
 */

/** Longest list for one statement. */
export const MAX_KEYS = 500;

/** A long list as several, each of at most `length`. */
export const inSets = <Item>(items: readonly Item[], length: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / length) }, (_, n) => items.slice(n * length, (n + 1) * length));

const READY_COLUMNS = `c INT UNSIGNED PATH '$[0]', p TINYINT UNSIGNED PATH '$[1]', s BIGINT UNSIGNED PATH '$[2]'`;

/** JSON rows `[consumer, rank, seq, …]` joined to `ready r` by its primary key; `more` names further columns from `$[3]` on. */
export const readyRows = (more = ''): string =>
  `JSON_TABLE(?, '$[*]' COLUMNS (${READY_COLUMNS}${more && `, ${more}`})) k STRAIGHT_JOIN ready r FORCE INDEX (PRIMARY)
     ON r.consumer_id = k.c AND r.prio_rank = k.p AND r.seq = k.s`;

/** JSON rows `[message, consumer, …]` joined to `delivery d` by its primary key; `more` names further columns from `$[2]` on. */
export const deliveryRows = (more = ''): string =>
  `JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]', c INT UNSIGNED PATH '$[1]'${more && `, ${more}`})) k
     STRAIGHT_JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = k.m AND d.consumer_id = k.c`;

/** Of `consumer c`: it has not asked to be left alone for longer than until now. */
export const NOT_ASKED_TO_WAIT = ' AND (c.hold_until IS NULL OR c.hold_until <= NOW(3))';

/** Of `consumer c`: it has not asked to be left alone, and its breaker is closed. What is half-open is left to whoever has the right to probe it. */
export const NOT_HELD = `${NOT_ASKED_TO_WAIT} AND c.breaker_until IS NULL`;

/** Of `consumer c` and its `channel h`: changes with the settings of either, and with each opening and closing of the breaker. */
export const TARGET_VERSION = `CONCAT(c.version, '.', h.version, '.', c.breaker_epoch)`;

/**
 * The consumer of a lane, or NULL when it is not open or of another type: then a SELECT of its rows finds and locks none. A row that is locked in vain
 * is a row that SKIP LOCKED hides from those who may have it, and dispatchers are nudged about pull consumers too.
 */
export const openLane = (type: 'push' | 'pull'): string =>
  `(SELECT c.id FROM consumer c FORCE INDEX (PRIMARY) WHERE c.id = ? AND c.type = '${type}' AND c.paused_at IS NULL AND c.disabled_at IS NULL${NOT_HELD})`;

/** Rows of this rank that come before `seq` are not looked at. */
export interface LaneBound {
  rank: number;
  seq: Id;
}

/** Orders ids, which are decimal text without leading zeros, as the numbers that they are. */
export const byId = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : Number(a > b));
