import type { Statement } from './packets.js';

/** One INSERT. Columns whose default is NULL, and that are NULL in every row, are left out: they are most of what a server reads of an attempt that succeeded. */
export function insertRows(table: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): Statement {
  const used = columns.map((_column, n) => rows.some((row) => row[n] !== null));
  return {
    sql: `INSERT INTO ${table} (${columns.filter((_column, n) => used[n]).join(', ')}) VALUES ?`,
    values: [rows.map((row) => row.filter((_value, n) => used[n]))],
  };
}
