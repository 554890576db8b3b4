import { eventText, type Id, messageStatusCode, type SystemEvent } from '@app/domain';
import type { Statement } from '../packets.js';

/** The id of `posthorn.events`, made by a migration. */
export const EVENTS_CHANNEL_ID = 0;
/** Of a message of no special priority. */
const RANK = 9;

/** An event about a consumer, or about one of its deliveries. */
export interface NewEvent {
  /** That of the message that it becomes. */
  id: Id;
  consumerId: number;
  event: SystemEvent;
  at: Date;
}

const NOTED = `FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$[0]', c INT UNSIGNED PATH '$[1]', t VARCHAR(50) PATH '$[2]',
    a VARCHAR(200) PATH '$[3]', z VARCHAR(2000) PATH '$[4]')) k
  STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = k.c STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id`;
const TEXT = `CONCAT(k.a, h.name, '","consumer":"', c.name, k.z)`;
const NEWEST_SUBSCRIBER = `(SELECT MAX(s.id) FROM consumer s FORCE INDEX (consumer_by_channel) WHERE s.channel_id = ${EVENTS_CHANNEL_ID})`;

/**
 * Publishes events in the transaction that makes what they tell of: a message and a fan-out row for each, in two statements however many there are. None is
 * made while `posthorn.events` has no consumers, nor about its own consumers, nor unless `condition` holds.
 */
export function insertEvents(events: readonly NewEvent[], condition = 'TRUE'): Statement[] {
  if (events.length === 0) return [];
  const rows = events.map(({ id, consumerId, event, at }) => {
    const { head, tail } = eventText(event, at);
    return [id, consumerId, event.type, head, tail];
  });
  return [
    {
      sql: `INSERT INTO message (id, channel_id, status, priority, type, content_type, size, payload)
        SELECT k.id, ${EVENTS_CHANNEL_ID}, ${messageStatusCode('acknowledged')}, 0, k.t, 'application/json', LENGTH(${TEXT}), ${TEXT} ${NOTED}
         WHERE h.id <> ${EVENTS_CHANNEL_ID} AND ${condition} AND ${NEWEST_SUBSCRIBER} IS NOT NULL`,
      values: [JSON.stringify(rows)],
    },
    {
      sql: `INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id)
        SELECT m.id, ${EVENTS_CHANNEL_ID}, ${RANK}, COALESCE(${NEWEST_SUBSCRIBER}, 0)
          FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) k STRAIGHT_JOIN message m FORCE INDEX (PRIMARY) ON m.id = k.id`,
      values: [JSON.stringify(events.map(({ id }) => id))],
    },
  ];
}
