import { type Id, isPullToken, type RetryPolicy, stepAfterLease } from '@app/domain';
import { deliveryRows, openLane } from '../key-rows.js';
import { oldestRows } from '../oldest-rows.js';
import { type KeyColumns, keyPlaceOf, type OrderingColumns } from '../ordering/key-place.js';
import type { Statement } from '../packets.js';
import type { Settlement } from '../settle.js';

/** A row of a lane that is free, as the transaction found and locked it. */
export interface DueRow extends KeyColumns {
  rank: number;
  seq: Id;
  messageId: Id;
  /** Attempts made before this lease. */
  attempts: number;
  attemptsBefore: number;
  /** Not 0: of a lease that ran out. */
  token: Id;
  leaseUntil: Date;
  replay: Id;
  /** By the database's clock. */
  now: Date;
}

const COLUMNS = `prio_rank AS 'rank', seq, message_id AS messageId, attempts, attempts_before AS attemptsBefore, lease_token AS token, lease_until AS leaseUntil, replay,
               NOW(3) AS now, key_hash, key_seq`;

/** The same, the longest ready first, whatever its priority. May read fewer than there are. */
export const oldestDueRows = (consumerId: number, limit: number): Statement => oldestRows(COLUMNS, { type: 'pull', consumerId, limit });

/** Reads {@link DueRow} rows of an open pull consumer, the highest priority first, within it the longest ready. Locks them; those that others hold are skipped. */
export const dueRows = (consumerId: number, limit: number): Statement => ({
  sql: `SELECT ${COLUMNS}
          FROM ready FORCE INDEX (PRIMARY)
         WHERE consumer_id = ${openLane('pull')} AND lease_until <= NOW(3) ORDER BY consumer_id, prio_rank, seq LIMIT ? FOR UPDATE SKIP LOCKED`,
  values: [consumerId, limit],
});

export interface BeginningRow {
  id: Id;
  began: Date;
}

/** Reads {@link BeginningRow} rows: when deliveries that are in flight were claimed, for nothing has touched them since. */
export const beginnings = (consumerId: number, ids: readonly Id[]): Statement => ({
  sql: `SELECT d.message_id AS id, d.updated_at AS began FROM ${deliveryRows()}`,
  values: [JSON.stringify(ids.map((id) => [id, consumerId]))],
});

/**
 * What becomes of a row whose lease ran out. The lease of a pull consumer weighs against the retry policy, and with the last attempt the delivery is dead;
 * that of a dispatcher, from when the consumer's type was push, does not weigh (docs/decisions/0004).
 */
export function expired(consumer: OrderingColumns & { id: number }, row: DueRow, began: Date, policy: RetryPolicy): Settlement {
  const { rank, seq, messageId, attempts: attempt, attemptsBefore, token, replay } = row;
  const step = isPullToken(token)
    ? stepAfterLease({ kind: 'expired' }, policy, attempt - attemptsBefore, 0)
    : ({ to: 'retry', delayMs: 0, errorClass: 'lease-expired' } as const);
  return {
    claim: { consumerId: consumer.id, rank, seq, messageId, attempt, attemptsBefore, token, replay, ...keyPlaceOf(row, consumer) },
    step,
    startedAtMs: began.getTime(),
    durationMs: Math.max(0, row.leaseUntil.getTime() - began.getTime()),
    httpCode: null,
    errorClass: 'lease-expired',
    responseBody: null,
  };
}

/** The row as it is leased after its lease ran out. */
export const weighed = (row: DueRow): DueRow =>
  row.token === '0' || isPullToken(row.token) ? row : { ...row, attemptsBefore: row.attemptsBefore + 1 };

/** Writes attempts whose lease ran out and whose delivery is leased anew. */
export function recordExpired(ended: readonly Settlement[]): Statement[] {
  if (ended.length === 0) return [];
  const rows = ended.map(({ claim, startedAtMs, durationMs }) => {
    const [began, ran] = [new Date(startedAtMs), new Date(startedAtMs + durationMs)];
    return [claim.messageId, claim.consumerId, claim.attempt, began, durationMs, 'lease-expired', ran];
  });
  const sql =
    'INSERT IGNORE INTO attempt (message_id, consumer_id, number, started_at, duration_ms, error_class, next_attempt_at) VALUES ?';
  return [{ sql, values: [rows] }];
}
