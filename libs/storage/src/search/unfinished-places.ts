import type { DeliveryStatus } from '@app/domain';
import type { Database } from '../database.js';
import type { Place } from './scan.js';

/** With more rows than this in their lanes, or in `retry` altogether, so many of all deliveries are unfinished that they are looked for among all. */
const MOST_READY = 2_000;
const MOST_RETRIES = 5_000;

/**
 * Deliveries to these consumers that are not finished, with this status and maybe others: all of them, or undefined when there are many. One statement sees all
 * hot tables at one moment, so that a delivery that moves from one to the other is seen.
 */
export async function unfinishedPlaces(
  database: Database,
  consumerIds: readonly number[],
  status: Exclude<DeliveryStatus, 'delivered' | 'dead'>,
): Promise<Place[] | undefined> {
  if (consumerIds.length === 0) return [];
  const waits = status === 'retry-delivery';
  const ofLane = [consumerIds, MOST_READY + 1];
  const more = waits
    ? { sql: ` UNION ALL ${RETRY}`, values: [MOST_RETRIES, consumerIds, MOST_RETRIES + 1] }
    : status === 'queued'
      ? { sql: ` UNION ALL ${BEHIND}`, values: ofLane }
      : { sql: '', values: [] };
  const rows = await database.query<Row[]>(READY + more.sql, [...ofLane, ...more.values]);
  const ready = rows.filter(({ source }) => source === 'ready');
  const retries = rows.find(({ source }) => source === 'count');
  if (ready.length > MOST_READY || Number(retries?.messageId ?? 0) > MOST_RETRIES) return undefined;
  // Columns of a union may come as text.
  return rows.flatMap(({ source, consumerId, messageId }) =>
    source === 'count' ? [] : [{ consumerId: Number(consumerId), messageId: String(messageId) }],
  );
}

/** `count`: how many rows `retry` has, in place of a message's id. */
interface Row {
  source: 'ready' | 'retry' | 'count';
  consumerId: number | string;
  messageId: string | number;
}

const READY = `(SELECT 'ready' AS source, consumer_id AS consumerId, message_id AS messageId FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id IN (?) LIMIT ?)`;
/** Those behind others of their key are queued. */
const BEHIND = `(SELECT 'ready', consumer_id, message_id FROM key_waiting FORCE INDEX (PRIMARY) WHERE consumer_id IN (?) LIMIT ?)`;
const RETRY = `(SELECT 'retry', consumer_id, message_id FROM (SELECT consumer_id, message_id FROM retry FORCE INDEX (PRIMARY)
      ORDER BY due_at, message_id, consumer_id LIMIT ?) t WHERE consumer_id IN (?))
    UNION ALL (SELECT 'count', 0, COUNT(*) FROM (SELECT 1 FROM retry FORCE INDEX (PRIMARY) LIMIT ?) t)`;
