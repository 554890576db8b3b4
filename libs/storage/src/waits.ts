import { msOf, type Id } from '@app/domain';
import type { Database } from './database.js';

/** Rows of one consumer in one table are counted up to this many. */
const COUNT_LIMIT = 10_000;
/** So many of each are looked at first. Reading one takes about 0.2 µs. */
const FIRST_LOOK = 100;
/** Then the consumers that have more in a table share what is left of this, so that a page costs the same however many they are. */
const COUNT_ROWS = 30_000;

export interface Count {
  rows: number;
  /** Whether there may be more. */
  capped: boolean;
}

/** What waits for a consumer. */
export interface Waits {
  /** Due or in flight. */
  ready: Count;
  /** When the longest waiting of these became ready, Unix ms; undefined when there are none. */
  readySinceMs: number | undefined;
  /** Behind others of their key. */
  waiting: Count;
  /** Keys whose first message is a dead letter. */
  blockedKeys: Count;
  deadLetters: Count;
}

const TABLES = ['ready', 'key_waiting', 'key_blocked', 'dead_letter'] as const;
type Table = (typeof TABLES)[number];
/** By consumer. */
type Counts = Map<number, Count>;

/** Rows of these consumers in a table, each counted up to `limit`. */
interface Look {
  table: Table;
  consumerIds: readonly number[];
  limit: number;
}

const NO_ROWS: Count = { rows: 0, capped: false };

/**
 * What waits for each of these consumers, in three statements at most. Each table is counted up to 10 000 rows of a consumer, and to 100 at least; the time of
 * the longest waiting is exact.
 */
export async function waitsOf(database: Database, consumerIds: readonly number[]): Promise<Map<number, Waits>> {
  if (consumerIds.length === 0) return new Map();
  const { some, oldest } = await heads(database, consumerIds);
  const first = await countUpTo(
    database,
    TABLES.map((table) => ({ table, consumerIds: [...some[table]], limit: FIRST_LOOK })),
  );
  const second = await countUpTo(
    database,
    TABLES.map((table) => further(table, first[table])),
  );
  const of = (table: Table, id: number): Count => second[table].get(id) ?? first[table].get(id) ?? NO_ROWS;
  const waits = (id: number): Waits => ({
    ready: of('ready', id),
    readySinceMs: oldest.get(id),
    waiting: of('key_waiting', id),
    blockedKeys: of('key_blocked', id),
    deadLetters: of('dead_letter', id),
  });
  return new Map(consumerIds.map((id) => [id, waits(id)]));
}

/** Which of the consumers have anything in each table, and since when in `ready`: an index step for each, and in `ready` for each priority. */
async function heads(
  database: Database,
  consumerIds: readonly number[],
): Promise<{ some: Record<Table, Set<number>>; oldest: Map<number, number> }> {
  const arm = (table: Table): string =>
    table === 'ready'
      ? `(SELECT 'ready' AS source, consumer_id AS id, MIN(seq) AS seq FROM ready WHERE consumer_id IN (?) GROUP BY consumer_id, prio_rank)`
      : // A DISTINCT with a constant in it would read all rows.
        `(SELECT '${table}', consumer_id, NULL FROM ${table} WHERE consumer_id IN (?) GROUP BY consumer_id)`;
  const rows = await database.query<{ source: Table; id: number | string; seq: Id | null }[]>(
    TABLES.map(arm).join(' UNION ALL '),
    TABLES.map(() => consumerIds),
  );
  const some = forEachTable(() => new Set<number>());
  const oldest = new Map<number, number>();
  // Columns of a union may come as text.
  for (const { source, id, seq } of rows) {
    some[source].add(Number(id));
    if (seq !== null) oldest.set(Number(id), Math.min(oldest.get(Number(id)) ?? Infinity, msOf(seq)));
  }
  return { some, oldest };
}

/** Where to count on after a first look: at those of which it did not see the end, if there is anything left for that. */
function further(table: Table, first: Counts): Look {
  const more = [...first].flatMap(([id, { capped }]) => (capped ? [id] : []));
  const left = COUNT_ROWS - [...first.values()].reduce((sum, { rows }) => sum + rows, 0);
  const limit = Math.min(COUNT_LIMIT, Math.floor(left / more.length));
  return { table, consumerIds: limit > FIRST_LOOK ? more : [], limit };
}

/**
 * One statement. It reads `limit + 1` rows of a consumer that has more, and those of another twice: `COUNT(*)` of a derived table with a LIMIT would read them
 * once, but write that table down first, which takes several times as long.
 */
async function countUpTo(database: Database, looks: readonly Look[]): Promise<Record<Table, Counts>> {
  const counts = forEachTable((): Counts => new Map());
  const wanted = looks.filter(({ consumerIds }) => consumerIds.length > 0);
  if (wanted.length === 0) return counts;
  const arm = ({ table }: Look): string => {
    const its = `FROM ${table} w FORCE INDEX (PRIMARY) WHERE w.consumer_id = k.c`;
    return `(SELECT '${table}' AS source, ? AS looked, k.c AS id, IF((SELECT 1 ${its} LIMIT 1 OFFSET ?) IS NULL, (SELECT COUNT(*) ${its}), NULL) AS n
      FROM JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$')) k)`;
  };
  const rows = await database.query<{ source: Table; looked: number | string; id: number | string; n: number | string | null }[]>(
    wanted.map(arm).join(' UNION ALL '),
    wanted.flatMap(({ consumerIds, limit }) => [limit, limit, JSON.stringify(consumerIds)]),
  );
  for (const { source, looked, id, n } of rows)
    counts[source].set(Number(id), n === null ? { rows: Number(looked), capped: true } : { rows: Number(n), capped: false });
  return counts;
}

const forEachTable = <T>(make: () => T): Record<Table, T> => ({
  ready: make(),
  key_waiting: make(),
  key_blocked: make(),
  dead_letter: make(),
});
