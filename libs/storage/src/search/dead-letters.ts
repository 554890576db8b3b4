import type { DeadReason, Id } from '@app/domain';
import type { Database } from '../database.js';
import { conditionsOf, type DeadLetterFilter } from '../dead-letter-filter.js';
import { deadPlaces } from './dead-places.js';
import { HTTP_CODE } from '../reads.js';
import { type Found, inOrder, type Place, search, type SearchBounds, type SearchPage } from './scan.js';

export interface DeadLetter {
  messageId: Id;
  diedAt: Date;
  reason: DeadReason;
  attempts: number;
  httpCode: number | null;
  errorClass: string | null;
  type: string | null;
}

/** A consumer's dead letters, newest message first. */
export function searchDeadLetters(
  database: Database,
  consumerId: number,
  filter: DeadLetterFilter,
  page: SearchPage,
  bounds: SearchBounds,
): Promise<Found<DeadLetter>> {
  const { sql, values } = conditionsOf(filter).all;
  const placeOf = ({ messageId }: { messageId: Id }): Place => ({ messageId, consumerId });
  return search<DeadLetter>(
    {
      everything: values.length === 0,
      placeOf,
      candidates: (after, most) => deadPlaces(database, [consumerId], {}, after, most),
      matching: async (places) => {
        const rows = await database.query<DeadLetter[]>(
          `SELECT l.message_id AS messageId, l.died_at AS diedAt, l.reason, d.attempts, ${HTTP_CODE} AS httpCode, d.error_class AS errorClass, m.type
             FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$')) k
             STRAIGHT_JOIN dead_letter l FORCE INDEX (PRIMARY) ON l.consumer_id = ? AND l.message_id = k.m
             STRAIGHT_JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = l.message_id AND d.consumer_id = l.consumer_id
             LEFT JOIN message m FORCE INDEX (PRIMARY) ON m.id = l.message_id WHERE ${sql}`,
          [JSON.stringify(places.map(({ messageId }) => messageId)), consumerId, ...values],
        );
        return inOrder(rows, placeOf);
      },
    },
    page,
    bounds,
  );
}
