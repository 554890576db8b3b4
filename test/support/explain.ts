import type { Database } from '@app/storage';

export interface Plan {
  sql: string;
  rows: { table: string | null; type: string | null; key: string | null; extra: string }[];
}

const EXPLAINABLE = /^\s*\(?(SELECT|INSERT|UPDATE|DELETE)\b/i;

type Run = (sql: string, values?: readonly unknown[]) => Promise<unknown>;

/** Explains every statement that runs through `database` just before it runs, on the very rows and values that it meets. */
export function explainAll(database: Database): { plans: Plan[]; stop: () => void } {
  const plans: Plan[] = [];
  const explained = async (run: Run, sql: string, values?: readonly unknown[]): Promise<unknown> => {
    // An EXPLAIN would change the ROW_COUNT() that a fence looks at.
    const read = sql.includes('ROW_COUNT()') ? sql : sql.replace(/^SET @fence =/, 'SELECT');
    if (EXPLAINABLE.test(read)) {
      // MySQL 9 answers with a tree unless it is asked for the table.
      const rows = (await run(`EXPLAIN FORMAT=TRADITIONAL ${read}`, values)) as Record<string, string | null>[];
      plans.push({
        sql: read.replace(/\s+/g, ' ').trim(),
        rows: rows.map((row) => ({
          table: row['table'] ?? null,
          type: row['type'] ?? null,
          key: row['key'] ?? null,
          extra: row['Extra'] ?? '',
        })),
      });
    }
    return run(sql, values);
  };
  const { dataSource, packetPool } = database;
  const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (mode) => {
    const runner = createQueryRunner(mode);
    const query = runner.query.bind(runner) as Run;
    runner.query = async (sql: string, values?: unknown[]): Promise<never> => (await explained(query, sql, values)) as never;
    return runner;
  };
  const connect = packetPool.connect.bind(packetPool);
  packetPool.connect = async () => {
    const connection = await connect();
    const send = connection.run.bind(connection);
    const one: Run = async (sql, values) => (await send([{ sql, values }]))[0];
    // One by one: an EXPLAIN in front of a packet would be followed by the rest of it.
    connection.run = async (statements) => {
      const results: unknown[] = [];
      for (const { sql, values } of statements) results.push(await explained(one, sql, values));
      return results;
    };
    return connection;
  };
  const stop = (): void => {
    dataSource.createQueryRunner = createQueryRunner;
    packetPool.connect = connect;
  };
  return { plans, stop };
}

/** What is wrong with a plan: a full scan, a sort, or a hash join of a stored table; a list of keys and derived tables may be scanned. */
export function flaws({ sql, rows }: Plan): string[] {
  return rows.flatMap(({ table, type, key, extra }) => {
    const derived = table === null || table === 'k' || table === 'lane' || table === 'h' || table === 't' || table.startsWith('<');
    const target = /^INSERT (?:IGNORE )?INTO (\w+)/i.exec(sql)?.[1];
    const insertTarget = target === table && key === null && (extra === '' || extra === 'NULL');
    if (derived || insertTarget) return [];
    const found = [
      ...(type === 'ALL' ? ['full scan'] : []),
      ...(/filesort|hash join|join buffer/i.test(extra) ? [extra] : []),
      ...(type === 'index' && !/Using index/i.test(extra) ? ['full index scan'] : []),
    ];
    return found.map((flaw) => `${flaw} of ${table}: ${sql}`);
  });
}
