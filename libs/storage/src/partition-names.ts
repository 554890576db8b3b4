import { firstIdAt } from '@app/domain';

const DAY_MS = 86_400_000;

/** How many days ahead partitions are made. */
export const PARTITIONS_AHEAD = 7;

/** The tables that are partitioned by day, with the id column that says which day. */
export const PARTITIONED = [
  ['message', 'id'],
  ['delivery', 'message_id'],
  ['attempt', 'message_id'],
] as const;

const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;

/** `p20261121` for every id minted on 21 November 2026 (UTC). */
export const partitionName = (ms: number): string => `p${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')}`;

/** `PARTITION p20261121 VALUES LESS THAN (first id of the next day)`. */
export const partitionDefinition = (ms: number): string =>
  `PARTITION ${partitionName(ms)} VALUES LESS THAN (${firstIdAt(startOfDay(ms) + DAY_MS)})`;

/** The days from `fromMs` to `PARTITIONS_AHEAD` days after `nowMs`, each as its first millisecond. */
export function daysAhead(fromMs: number, nowMs: number): number[] {
  const days: number[] = [];
  for (let day = startOfDay(fromMs); day <= startOfDay(nowMs) + PARTITIONS_AHEAD * DAY_MS; day += DAY_MS) days.push(day);
  return days;
}

/** The clause for a new table. `p_future` takes what nobody made a partition for, so that an insert never fails for want of one. */
export const partitionClause = (column: string, nowMs: number): string =>
  `PARTITION BY RANGE (${column}) (${daysAhead(nowMs - DAY_MS, nowMs)
    .map(partitionDefinition)
    .join(', ')}, PARTITION p_future VALUES LESS THAN MAXVALUE)`;
