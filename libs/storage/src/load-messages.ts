import type {
  Auth,
  BatchSettings,
  BreakerSettings,
  ClientTls,
  FormerSecret,
  Id,
  RateLimit,
  RetryPolicy,
  SignatureSettings,
} from '@app/domain';
import type { Database } from './database.js';
import { fromJson } from './json.js';
import { TARGET_VERSION } from './key-rows.js';
import type { Statement } from './packets.js';

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
  /** When it was due, if it was scheduled. */
  deliverAt: Date | null;
}

/** Reads {@link Outgoing} rows. */
export const messagesById = (ids: readonly Id[]): Statement => ({
  sql: `SELECT id, priority, type, content_type AS contentType, headers, trace_parent AS traceParent, deliver_at AS deliverAt, payload FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)`,
  values: [[...new Set(ids)]],
});

/** A push consumer's settings for delivery, as stored. */
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
  /** As versions stored them that did not seal their values. */
  headers: Record<string, string> | null;
  /** The contexts in which these are sealed are those of the entity. */
  sealedHeaders: Record<string, string> | null;
  auth: Auth | null;
  tls: ClientTls | null;
  /** Sealed with context `consumer/<channel>/<consumer>`. */
  signingSecret: string;
  /** Sealed in the same context. */
  formerSecrets: FormerSecret[] | null;
  /** null: as the Standard Webhooks specification says. */
  signature: SignatureSettings | null;
  batch: BatchSettings | null;
  rateLimit: RateLimit | null;
  /** A second, until its backlog is worked off; null: no backlog is held back. */
  resumeRate: number | null;
  /** false: none; null: the default. */
  breaker: BreakerSettings | false | null;
  /** Counts the openings and closings of its breaker. */
  breakerEpoch: number;
  /** The consumer's, or else the channel's; 0: never; null: the dispatcher's DISABLE_AFTER_SECONDS. */
  disableAfterSeconds: number | null;
}

const JSON_COLUMNS = [
  'retry',
  'headers',
  'sealedHeaders',
  'auth',
  'tls',
  'formerSecrets',
  'signature',
  'batch',
  'rateLimit',
  'breaker',
] as const;

/** One that is gone, or whose type is pull by now, is missing from the answer. */
export async function loadTargets(database: Database, consumerIds: readonly number[]): Promise<StoredTarget[]> {
  if (consumerIds.length === 0) return [];
  const rows = await database.query<StoredTarget[]>(
    `SELECT c.id AS consumerId, h.name AS channel, c.name AS consumer, ${TARGET_VERSION} AS version, c.url, c.timeout_ms AS timeoutMs,
            c.max_in_flight AS maxInFlight, COALESCE(c.retry, h.retry) AS retry, c.headers, c.signing_secret AS signingSecret,
            c.former_secrets AS formerSecrets, c.signature, c.batch, c.sealed_headers AS sealedHeaders, c.auth, c.tls,
            c.rate_limit AS rateLimit, c.resume_rate AS resumeRate, c.breaker,
            c.breaker_epoch AS breakerEpoch, COALESCE(c.disable_after_seconds, h.disable_after_seconds) AS disableAfterSeconds
       FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id WHERE c.id IN (?) AND c.type = 'push'`,
    [consumerIds],
  );
  return rows.map((row) => Object.assign(row, Object.fromEntries(JSON_COLUMNS.map((name) => [name, fromJson(row[name])]))));
}
