import { isName, type RetryPolicy } from '@app/domain';
import type { Database } from '../database.js';
import { fromJson } from '../json.js';
import type { OrderingColumns } from '../ordering/key-place.js';
import type { Statement } from '../packets.js';

/** A consumer as leasing sees it: of any type, for the type may change at any time. */
export interface PullConsumer extends OrderingColumns {
  id: number;
  channel: string;
  consumer: string;
  type: 'push' | 'pull';
  /** The consumer's, or else the channel's; null: the default. */
  retry: RetryPolicy | null;
}

export type StoredPullConsumer = Omit<PullConsumer, 'retry'> & { retry: RetryPolicy | string | null };

const COLUMNS = `c.id, h.name AS channel, c.name AS consumer, c.type, COALESCE(c.retry, h.retry) AS retry, c.ordering, c.ordering_exhausted`;

export const pullConsumerOf = (row: StoredPullConsumer): PullConsumer => ({ ...row, retry: fromJson(row.retry) });

/** Reads {@link StoredPullConsumer} rows. */
export const pullConsumersById = (ids: readonly number[]): Statement => ({
  sql: `SELECT ${COLUMNS} FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id WHERE c.id IN (?)`,
  values: [[...new Set(ids)]],
});

export async function findPullConsumer(database: Database, channel: string, consumer: string): Promise<PullConsumer | undefined> {
  if (!isName(channel) || !isName(consumer)) return undefined;
  const rows = await database.query<StoredPullConsumer[]>(
    `SELECT ${COLUMNS} FROM channel h FORCE INDEX (channel_by_name) STRAIGHT_JOIN consumer c FORCE INDEX (consumer_by_name)
         ON c.channel_id = h.id AND c.name = ? WHERE h.name = ?`,
    [consumer, channel],
  );
  return rows.map(pullConsumerOf)[0];
}
