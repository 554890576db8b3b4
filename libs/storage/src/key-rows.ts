import type { Id } from '@app/domain';
import type { Statement } from './packets.js';

/**
 * Statements that change rows by a list of primary keys read the list from one JSON parameter and reach each row through its key:
 * `DELETE … WHERE pk IN (…)` on a small hot table turns into a full scan that waits on rows it was not asked about (docs/decisions/0002).
 * Only behind FORCE INDEX may the keys be named: see {@link alike}.
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

/** Rows that are named in one condition. */
export interface Listed<Row> {
  rows: Row[];
  where: Required<Statement>;
}

/** A column of a key, and what a row has in it. */
export type KeyColumn<Row> = readonly [column: string, of: (row: Row) => number | Id];

/** Fewer rows of a list, or fewer on average that differ in the last column of their key only, are cheaper in JSON. */
const LIST_FROM = 16;
const ROWS_TO_A_HEAD = 4;

/**
 * Divides rows into those that a statement of their own pays for, because it says the `same` of them and their keys are alike, and the rest. A
 * condition reads `(a = 1 AND b = 2 AND c IN (3, 4)) OR …`, for an UPDATE or DELETE of one table behind FORCE INDEX (PRIMARY): a quarter less of the
 * server's CPU than a join with a JSON list takes (docs/decisions/0012). `rows`: in the order of their keys.
 */
export function alike<Row>(
  rows: readonly Row[],
  same: (a: Row, b: Row) => boolean,
  key: readonly KeyColumn<Row>[],
): { lists: Listed<Row>[]; rest: Row[] } {
  const groups: Row[][] = [];
  for (const row of rows) {
    const group = groups.find(([first]) => same(first!, row));
    if (group) group.push(row);
    else groups.push([row]);
  }
  const lists: Listed<Row>[] = [];
  const rest: Row[] = [];
  for (const group of groups) {
    const where = group.length < LIST_FROM || group.length > MAX_KEYS ? undefined : conditionOf(key, group);
    if (where) lists.push({ rows: group, where });
    else rest.push(...group);
  }
  return { lists, rest };
}

function conditionOf<Row>(key: readonly KeyColumn<Row>[], rows: readonly Row[]): Required<Statement> | undefined {
  const [end, endOf] = key.at(-1)!;
  const heads = key.slice(0, -1);
  const runs: { first: Row; ends: bigint[] }[] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    if (run && heads.every(([, of]) => of(run.first) === of(row))) run.ends.push(BigInt(endOf(row)));
    else runs.push({ first: row, ends: [BigInt(endOf(row))] });
  }
  if (rows.length < ROWS_TO_A_HEAD * runs.length) return undefined;
  const one = [...heads.map(([column]) => `${column} = ?`), `${end} IN (?)`].join(' AND ');
  return {
    sql: runs.map(() => `(${one})`).join(' OR '),
    values: runs.flatMap(({ first, ends }) => [...heads.map(([, of]) => BigInt(of(first))), ends]),
  };
}
