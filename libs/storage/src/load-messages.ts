import type { Id, RetryPolicy } from '@app/domain';
import type { Database } from './database.js';

/** What a dispatcher needs of a message to deliver it. */
export interface Outgoing {
  id: Id;
  priority: number;
  type: string | null;
  contentType: string | null;
  /** JSON object of the producer's headers. */
  headers: string | null;
  traceParent: string | null;
  payload: Buffer;
}

/** Messages by id, each once; one that is not there (its partition was dropped) is missing from the map. */
export async function loadMessages(database: Database, ids: readonly Id[]): Promise<Map<Id, Outgoing>> {
  if (ids.length === 0) return new Map();
  const rows = await database.query<Outgoing[]>(
    `SELECT id, priority, type, content_type AS contentType, headers, trace_parent AS traceParent, payload FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)`,
    [[...new Set(ids)]],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** A consumer's settings for delivery, as stored. */
export interface StoredTarget {
  consumerId: number;
  channel: string;
  consumer: string;
  /** Changes whenever the consumer or its channel does. */
  version: string;
  url: string;
  timeoutMs: number | null;
  maxInFlight: number | null;
  /** The consumer's, or else the channel's. */
  retry: RetryPolicy | null;
  headers: Record<string, string> | null;
  /** Sealed with context `consumer/<channel>/<consumer>`. */
  signingSecret: string;
}

export function loadTargets(database: Database, consumerIds: readonly number[]): Promise<StoredTarget[]> {
  if (consumerIds.length === 0) return Promise.resolve([]);
  return database
    .query<(StoredTarget & { retry: RetryPolicy | string | null; headers: Record<string, string> | string | null })[]>(
      `SELECT c.id AS consumerId, h.name AS channel, c.name AS consumer, CONCAT(c.version, '.', h.version) AS version, c.url, c.timeout_ms AS timeoutMs,
              c.max_in_flight AS maxInFlight, COALESCE(c.retry, h.retry) AS retry, c.headers, c.signing_secret AS signingSecret
         FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id WHERE c.id IN (?)`,
      [consumerIds],
    )
    .then((rows) => rows.map((row) => ({ ...row, retry: fromJson(row.retry), headers: fromJson(row.headers) })));
}

/** MariaDB's JSON is text; MySQL's arrives parsed. */
const fromJson = <T>(value: T | string | null): T | null => (typeof value === 'string' ? JSON.parse(value) : value);
