import type { Id } from '@app/domain';
import type { Statement } from '../packets.js';

/** What a pull consumer gets of a message, beside its payload. */
export interface PulledMessage {
  id: Id;
  priority: number;
  type: string | null;
  orderingKey: string | null;
  contentType: string | null;
  /** JSON object of the producer's headers. */
  headers: string | null;
  traceParent: string | null;
  /** Bytes of the payload. */
  size: number;
  createdAt: Date;
}

/** Reads {@link PulledMessage} rows; a message that is not there (its partition was dropped) has none. */
export const describeMessages = (ids: readonly Id[]): Statement => ({
  sql: `SELECT id, priority, type, ordering_key AS orderingKey, content_type AS contentType, headers, trace_parent AS traceParent, size, created_at AS createdAt
          FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)`,
  values: [ids],
});

export interface PayloadRow {
  id: Id;
  payload: Buffer;
}

/** Reads {@link PayloadRow} rows, none for an empty list: no message has the id 0. */
export const payloadsById = (ids: readonly Id[]): Statement => ({
  sql: 'SELECT id, payload FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)',
  values: [['0', ...ids]],
});
