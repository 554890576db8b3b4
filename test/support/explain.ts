import type { Database } from '@app/storage';

export interface Plan {
  sql: string;
  rows: { table: string | null; type: string | null; key: string | null; extra: string }[];
}

const EXPLAINABLE = /^\s*\(?(SELECT|INSERT|UPDATE|DELETE)\b/i;

/** Explains every statement that runs through `database` just before it runs, on the very rows and values that it meets. */
export function explainAll(database: Database): { plans: Plan[]; stop: () => void } {
  const plans: Plan[] = [];
  const { dataSource } = database;
  const original = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (mode) => {
    const runner = original(mode);
    const query = runner.query.bind(runner) as (sql: string, values?: unknown[]) => Promise<unknown>;
    runner.query = async (sql: string, values?: unknown[]): Promise<never> => {
      if (EXPLAINABLE.test(sql)) {
        const rows = (await query(`EXPLAIN ${sql}`, values)) as Record<string, string | null>[];
        plans.push({
          sql: sql.replace(/\s+/g, ' ').trim(),
          rows: rows.map((row) => ({
            table: row['table'] ?? null,
            type: row['type'] ?? null,
            key: row['key'] ?? null,
            extra: row['Extra'] ?? '',
          })),
        });
      }
      return (await query(sql, values)) as never;
    };
    return runner;
  };
  return { plans, stop: () => void (dataSource.createQueryRunner = original) };
}

/** What is wrong with a plan: a full scan, a sort, or a hash join of a stored table; a list of keys and derived tables may be scanned. */
export function flaws({ sql, rows }: Plan): string[] {
  return rows.flatMap(({ table, type, key, extra }) => {
    const derived = table === null || table === 'k' || table === 'lane' || table === 'h' || table === 't' || table.startsWith('<');
    const insertTarget = /^INSERT/i.test(sql) && key === null && (extra === '' || extra === 'NULL') && rows.length <= 2;
    if (derived || insertTarget) return [];
    const found = [
      ...(type === 'ALL' ? ['full scan'] : []),
      ...(/filesort|hash join|join buffer/i.test(extra) ? [extra] : []),
      ...(type === 'index' && !/Using index/i.test(extra) ? ['full index scan'] : []),
    ];
    return found.map((flaw) => `${flaw} of ${table}: ${sql}`);
  });
}
