/** A condition of SQL with its value. */
export type Condition = [sql: string, value: unknown];

/** That `column` is an event type, or one of those that a text with `*` for any characters stands for: as in filters. */
export function isOfType(column: string, pattern: string): Condition {
  if (!pattern.includes('*')) return [`${column} = ?`, pattern];
  return [`${column} LIKE ? ESCAPE '!'`, pattern.replace(/[!%_]/g, '!$&').replaceAll('*', '%')];
}

export const allOf = (conditions: readonly Condition[]): { where: string; values: unknown[] } => ({
  where: conditions.map(([sql]) => sql).join(' AND ') || 'TRUE',
  values: conditions.map(([, value]) => value),
});
