import { EPOCH_MS, type Filterable, type FilterJson, messageStatusCode, type Id, type Unjudged } from '@app/domain';
import { newDeliveries } from './accept.js';
import type { Database, Session } from './database.js';
import { filtersOf, type OnUnjudged, recipients } from './recipients.js';

/** Consumers served in one transaction. */
export const FAN_OUT_STEP = 1_000;

interface FanoutRow {
  message_id: Id;
  channel_id: number;
  prio_rank: number;
  after_consumer_id: number;
  last_consumer_id: number;
}

export interface FanOutResult {
  deliveries: number;
  consumerIds: number[];
  /** What filters could not judge, and was delivered. */
  unjudged: Unjudged[];
}

/**
 * Makes the deliveries of the oldest accepted message that nobody else is fanning out, for the next 1000 consumers that existed when it was accepted,
 * without those whose filter it does not match.
 * The cursor moves in the same transaction, so that a kill repeats nothing. Returns undefined when there is nothing older than `olderThanMs`.
 */
export function fanOut(database: Database, olderThanMs = 0): Promise<FanOutResult | undefined> {
  return database.transaction('fan-out', async (session) => {
    const [row] = await session.query<FanoutRow[]>(
      `SELECT message_id, channel_id, prio_rank, after_consumer_id, last_consumer_id FROM fanout FORCE INDEX (PRIMARY)
        WHERE message_id < ${olderThanMs === 0 ? '~0' : '((FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) - ? - ?) << 22)'}
        ORDER BY message_id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      olderThanMs === 0 ? [] : [olderThanMs, EPOCH_MS],
    );
    if (!row) return undefined;
    // Of a channel that is gone nobody gets anything; its consumers may not be swept yet.
    const [channel] = await session.query<unknown[]>('SELECT id FROM channel FORCE INDEX (PRIMARY) WHERE id = ? LOCK IN SHARE MODE', [
      row.channel_id,
    ]);
    const consumers = !channel
      ? []
      : await session.query<{ id: number; filter: FilterJson | string | null }[]>(
          `SELECT id, filter FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? AND id > ? AND id <= ? ORDER BY channel_id, id LIMIT ?`,
          [row.channel_id, row.after_consumer_id, row.last_consumer_id, FAN_OUT_STEP],
        );
    const unjudged: Unjudged[] = [];
    const consumerIds = await matching(session, row.message_id, consumers, (reason) => void unjudged.push(reason));
    const places = consumerIds.map((consumerId) => ({ messageId: row.message_id, consumerId, rank: row.prio_rank }));
    for (const { sql, values } of newDeliveries(places)) await session.query(sql, values);
    if (consumers.length === FAN_OUT_STEP) {
      await session.query('UPDATE fanout SET after_consumer_id = ? WHERE message_id = ?', [consumers.at(-1)!.id, row.message_id]);
    } else {
      await session.query('DELETE FROM fanout WHERE message_id = ?', [row.message_id]);
      await session.query('UPDATE message SET status = ? WHERE id = ?', [messageStatusCode('out-for-delivery'), row.message_id]);
    }
    return { deliveries: consumerIds.length, consumerIds, unjudged };
  });
}

/** Reads the message only if one of the consumers has a filter. */
async function matching(
  session: Session,
  messageId: Id,
  consumers: readonly { id: number; filter: FilterJson | string | null }[],
  onUnjudged: OnUnjudged,
): Promise<number[]> {
  const consumerIds = consumers.map(({ id }) => id);
  const filters = filtersOf(consumers);
  if (!filters) return consumerIds;
  const [message] = await session.query<Filterable[]>(
    'SELECT type, content_type AS contentType, headers, payload FROM message FORCE INDEX (PRIMARY) WHERE id = ?',
    [messageId],
  );
  return message ? recipients(consumerIds, filters, message, onUnjudged) : consumerIds;
}
