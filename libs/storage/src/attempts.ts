import type { DeliveredMessage, Id } from '@app/domain';
import type { Database } from './database.js';
import { fromJson } from './json.js';

export interface AttemptRow {
  /** 1, 2, … */
  number: number;
  /** The number of the process that made it; null: it was lost with its process. */
  node: number | null;
  startedAt: Date;
  durationMs: number;
  /** null: there was no such phase. */
  dnsMs: number | null;
  connectMs: number | null;
  firstByteMs: number | null;
  httpCode: number | null;
  errorClass: string | null;
  nextAttemptAt: Date | null;
  /** As sent, secrets masked; null: not kept. */
  requestHeaders: Record<string, string> | null;
  responseHeaders: Record<string, string> | null;
  responseBody: Buffer | null;
}

/** Attempts of one delivery behind number `after`, at most `limit`, first to last. */
export async function listAttempts(
  database: Database,
  messageId: Id,
  consumerId: number,
  { limit, after = 0 }: { limit: number; after?: number },
): Promise<AttemptRow[]> {
  const rows = await database.query<(AttemptRow & { requestHeaders: string | null; responseHeaders: string | null })[]>(
    `SELECT number, node, started_at AS startedAt, duration_ms AS durationMs, dns_ms AS dnsMs, connect_ms AS connectMs, first_byte_ms AS firstByteMs,
            http_code AS httpCode, error_class AS errorClass, next_attempt_at AS nextAttemptAt, request_headers AS requestHeaders,
            response_headers AS responseHeaders, response_body AS responseBody
       FROM attempt FORCE INDEX (PRIMARY) WHERE message_id = ? AND consumer_id = ? AND number > ? ORDER BY message_id, consumer_id, number LIMIT ?`,
    [messageId, consumerId, after, limit],
  );
  return rows.map((row) => ({
    ...row,
    requestHeaders: fromJson<Record<string, string>>(row.requestHeaders),
    responseHeaders: fromJson<Record<string, string>>(row.responseHeaders),
  }));
}

/** What of a message goes into the headers of its deliveries; undefined when it is not there any more. */
export async function findDelivered(database: Database, messageId: Id): Promise<DeliveredMessage | undefined> {
  const [row] = await database.query<DeliveredMessage[]>(
    `SELECT priority, type, content_type AS contentType, headers, trace_parent AS traceParent FROM message FORCE INDEX (PRIMARY) WHERE id = ?`,
    [messageId],
  );
  return row;
}
