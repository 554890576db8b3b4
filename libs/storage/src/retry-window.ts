import type { Id } from '@app/domain';
import type { Session } from './database.js';

/** The key of a row of `retry`. */
export interface RetryKey {
  /** As the database writes it. */
  due: string;
  messageId: Id;
  consumerId: number;
}

export const FIRST_RETRY: RetryKey = { due: '1000-01-01', messageId: '0', consumerId: 0 };

/** The next rows behind a key, in the order of their keys: `retry` has no other one, so whoever looks for a consumer's rows reads it in windows, without locks. */
export function retriesAfter(session: Session, { due, messageId, consumerId }: RetryKey, limit: number): Promise<RetryKey[]> {
  return session.query<RetryKey[]>(
    `SELECT CAST(due_at AS CHAR) AS due, message_id AS messageId, consumer_id AS consumerId FROM retry FORCE INDEX (PRIMARY)
      WHERE due_at >= ? AND (due_at > ? OR message_id > ? OR (message_id = ? AND consumer_id > ?)) ORDER BY due_at, message_id, consumer_id LIMIT ?`,
    [due, due, messageId, messageId, consumerId, limit],
  );
}
