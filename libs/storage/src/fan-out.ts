import { EPOCH_MS, type Filterable, type FilterJson, messageStatusCode, type Id, type Ordering, type Unjudged } from '@app/domain';
import { newDeliveries } from './accept.js';
import type { Database, Session } from './database.js';
import type { KeyColumns } from './ordering/key-place.js';
import { advanceFanout, releaseFanout } from './ordering/release.js';
import type { Statement } from './packets.js';
import { filtersOf, type OnUnjudged, recipients } from './recipients.js';

/** Consumers served in one transaction. */
export const FAN_OUT_STEP = 1_000;

/** The first id of the millisecond that was so many ms ago. */
const BEFORE = '((FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) - ? - ?) << 22)';

interface FanoutRow extends KeyColumns {
  message_id: Id;
  channel_id: number;
  prio_rank: number;
  after_consumer_id: number;
  last_consumer_id: number;
  /** Of a message that was scheduled: its place in the lanes. Otherwise 0: the message's id is. */
  seq: Id;
}

interface ConsumerRow {
  id: number;
  filter: FilterJson | string | null;
  ordering: Ordering;
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
 * A message whose key came in while a consumer asked for order waits, in `fanout_waiting`, until all older ones of its key have been fanned out.
 * The cursor moves in the same transaction, so that a kill repeats nothing. Returns undefined when there is nothing older than `olderThanMs`.
 */
export function fanOut(database: Database, olderThanMs = 0): Promise<FanOutResult | undefined> {
  return database.transaction('fan-out', async (session) => {
    const [row] = await session.query<FanoutRow[]>(
      `SELECT message_id, channel_id, prio_rank, after_consumer_id, last_consumer_id, seq, key_hash, key_seq FROM fanout FORCE INDEX (PRIMARY)
        WHERE ${olderThanMs === 0 ? 'message_id < ~0' : `message_id < ${BEFORE} AND seq < ${BEFORE}`}
        ORDER BY message_id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      olderThanMs === 0 ? [] : [olderThanMs, EPOCH_MS, olderThanMs, EPOCH_MS],
    );
    if (!row) return undefined;
    // Of a channel that is gone nobody gets anything; its consumers may not be swept yet.
    const [channel] = await session.query<unknown[]>('SELECT id FROM channel FORCE INDEX (PRIMARY) WHERE id = ? LOCK IN SHARE MODE', [
      row.channel_id,
    ]);
    const consumers = !channel
      ? []
      : await session.query<ConsumerRow[]>(
          `SELECT id, filter, ordering FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? AND id > ? AND id <= ? ORDER BY channel_id, id LIMIT ?`,
          [row.channel_id, row.after_consumer_id, row.last_consumer_id, FAN_OUT_STEP],
        );
    const unjudged: Unjudged[] = [];
    const seq = row.seq === '0' ? row.message_id : row.seq;
    const consumerIds = await matching(session, row.message_id, consumers, (reason) => void unjudged.push(reason));
    const ordered = new Set(consumers.filter(({ ordering }) => ordering === 'key').map(({ id }) => id));
    const places = consumerIds.map((consumerId) => ({
      messageId: row.message_id,
      consumerId,
      rank: row.prio_rank,
      seq,
      keyHash: ordered.has(consumerId) ? (row.key_hash ?? undefined) : undefined,
    }));
    const last = consumers.length < FAN_OUT_STEP;
    const place = row.key_hash !== null && row.key_seq !== null ? ([row.key_hash, row.key_seq] as const) : undefined;
    await run(session, [
      ...(last && place ? [advanceFanout(...place)] : []),
      ...newDeliveries(places),
      ...(last && place ? releaseFanout(...place) : []),
    ]);
    if (!last) {
      await session.query('UPDATE fanout SET after_consumer_id = ? WHERE message_id = ?', [consumers.at(-1)!.id, row.message_id]);
    } else {
      await session.query('DELETE FROM fanout WHERE message_id = ?', [row.message_id]);
      await session.query('UPDATE message SET status = ? WHERE id = ?', [messageStatusCode('out-for-delivery'), row.message_id]);
    }
    return { deliveries: consumerIds.length, consumerIds, unjudged };
  });
}

async function run(session: Session, statements: readonly Statement[]): Promise<void> {
  for (const { sql, values } of statements) await session.query(sql, values);
}

/** Reads the message only if one of the consumers has a filter. */
async function matching(session: Session, messageId: Id, consumers: readonly ConsumerRow[], onUnjudged: OnUnjudged): Promise<number[]> {
  const consumerIds = consumers.map(({ id }) => id);
  const filters = filtersOf(consumers);
  if (!filters) return consumerIds;
  const [message] = await session.query<Filterable[]>(
    'SELECT type, content_type AS contentType, headers, payload FROM message FORCE INDEX (PRIMARY) WHERE id = ?',
    [messageId],
  );
  return message ? recipients(consumerIds, filters, message, onUnjudged) : consumerIds;
}
