import type { Session } from '../database.js';
import type { JobRow } from './job-rows.js';

/** Rows that are counted; more are known as at least so many. */
export const TOTAL_COUNTED = 100_000;

/** How many messages or dead letters a job has to look at, in the order of an index: 20 ms for a hundred thousand. */
export async function totalOf(
  session: Session,
  { kind, channelId, consumerId, cursor, end }: Pick<JobRow, 'kind' | 'channelId' | 'consumerId' | 'cursor' | 'end'>,
): Promise<{ total: number; atLeast: boolean }> {
  const [table, key, id] =
    kind === 'replay'
      ? ['message t0 FORCE INDEX (message_by_channel)', 'channel_id', 'id']
      : ['dead_letter t0 FORCE INDEX (PRIMARY)', 'consumer_id', 'message_id'];
  const [row] = await session.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} WHERE t0.${key} = ? AND t0.${id} > ? AND t0.${id} <= ? LIMIT ?) t`,
    [kind === 'replay' ? channelId : consumerId, cursor, end, TOTAL_COUNTED + 1],
  );
  const n = Number(row!.n);
  return { total: Math.min(n, TOTAL_COUNTED), atLeast: n > TOTAL_COUNTED };
}
