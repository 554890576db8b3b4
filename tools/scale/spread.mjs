/** Unix ms of 2025-01-01, from which ids count their milliseconds (libs/domain/src/id.ts). */
export const epochMs = Date.UTC(2025, 0, 1);
const dayMs = 86_400_000;
/** What is loaded is older than this, so that it never mixes with what the processes make. */
const youngestMs = 60_000;

/** Rows that one statement inserts: the commit of a statement is felt no more, and its locks are few. */
export const rowsPerStatement = 16_384;

export const startOfDay = (ms) => Math.floor(ms / dayMs) * dayMs;

/** The first milliseconds of the last `days` days, today included, oldest first. */
export const lastDays = (days, nowMs) => Array.from({ length: days }, (_, n) => startOfDay(nowMs) - (days - 1 - n) * dayMs);

/**
 * Messages spread evenly over the last `days` days: for each day `{fromMs, spanMs, messages}`. The ids of a day lie in
 * [`fromMs`, `fromMs + spanMs`), today's end a minute ago.
 */
export function spreadOverDays(messages, days, nowMs) {
  const share = Math.floor(messages / days);
  return lastDays(days, nowMs)
    .map((fromMs, n) => ({
      fromMs,
      spanMs: Math.max(1000, Math.min(dayMs, nowMs - youngestMs - fromMs)),
      messages: n === days - 1 ? messages - share * (days - 1) : share,
    }))
    .filter((day) => day.messages > 0);
}

/** The same for what has been waiting since `sinceMs` ago. */
export const spreadOver = (messages, sinceMs, nowMs) => [
  { fromMs: nowMs - sinceMs, spanMs: Math.max(1000, sinceMs - youngestMs), messages },
];

/** Cuts `rows` into `{from, rows}` of at most `rowsPerStatement`. */
export function statements(rows) {
  const cuts = [];
  for (let from = 0; from < rows; from += rowsPerStatement) cuts.push({ from, rows: Math.min(rowsPerStatement, rows - from) });
  return cuts;
}

/**
 * The id of message number `number` (an SQL expression, counted from 0) of a part of the spread: its millisecond, a process number of 1 and a
 * sequence that keeps two of the same millisecond apart. Ascending as long as no millisecond has more than 4096.
 */
export const idExpression = ({ fromMs, spanMs, messages }, number) =>
  `(((${fromMs - epochMs} + (${number}) * ${spanMs} DIV ${messages}) << 22) | 4096 | ((${number}) & 4095))`;
