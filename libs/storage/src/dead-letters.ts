import { deliveryStatusCode, type DeadReason, type Id } from '@app/domain';
import type { Database, Session } from './database.js';
import { byId, deliveryRows, MAX_KEYS } from './key-rows.js';

/** Which dead letters of a consumer; all when empty. */
export interface DeadLetterFilter {
  messageIds?: readonly Id[];
  /** Died at or after. */
  from?: Date;
  /** Died before. */
  to?: Date;
  reason?: DeadReason;
}

export interface DeadLetter {
  messageId: Id;
  diedAt: Date;
  reason: DeadReason;
  attempts: number;
  httpCode: number | null;
  errorClass: string | null;
  type: string | null;
}

/** Newest message first; `before` is the last message id of the previous page. */
export async function listDeadLetters(
  database: Database,
  consumerId: number,
  filter: DeadLetterFilter,
  page: { limit: number; before?: Id },
): Promise<DeadLetter[]> {
  const { where, values } = conditions(consumerId, filter);
  return database.query<DeadLetter[]>(
    `SELECT l.message_id AS messageId, l.died_at AS diedAt, l.reason, d.attempts, d.http_code AS httpCode, d.error_class AS errorClass, m.type
       FROM dead_letter l JOIN delivery d ON d.message_id = l.message_id AND d.consumer_id = l.consumer_id LEFT JOIN message m ON m.id = l.message_id
      WHERE ${where} ${page.before === undefined ? '' : 'AND l.message_id < ?'} ORDER BY l.consumer_id DESC, l.message_id DESC LIMIT ?`,
    [...values, ...(page.before === undefined ? [] : [page.before]), page.limit],
  );
}

export async function countDeadLetters(database: Database, consumerId: number, filter: DeadLetterFilter): Promise<number> {
  const { where, values } = conditions(consumerId, filter);
  const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM dead_letter l WHERE ${where}`, values);
  return Number(row!.n);
}

/**
 * Sends up to `most` (1–500) dead letters again, oldest message first: they are ready at once with a fresh set of attempts, and attempt numbers go on counting.
 * Returns how many, and the last message id as the `after` of the next step.
 */
export function redrive(
  database: Database,
  consumerId: number,
  filter: DeadLetterFilter,
  mint: () => Id,
  after: Id = '0',
  most = MAX_KEYS,
): Promise<Step> {
  return database.transaction('redrive', async (session) => {
    const ids = await takeDeadLetters(session, consumerId, filter, after, most);
    if (ids.length === 0) return { count: 0, after };
    const rows = await session.query<{ id: Id; priority: number; attempts: number }[]>(
      `SELECT d.message_id AS id, m.priority, d.attempts FROM delivery d FORCE INDEX (PRIMARY) JOIN message m ON m.id = d.message_id
        WHERE d.consumer_id = ? AND d.message_id IN (?) ORDER BY d.message_id`,
      [consumerId, ids],
    );
    if (rows.length === 0) return { count: 0, after: ids.at(-1)! };
    await session.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before) VALUES ?', [
      rows.map((row) => [consumerId, 9 - row.priority, mint(), row.id, row.attempts, row.attempts]),
    ]);
    await session.query(
      `UPDATE ${deliveryRows()} SET d.status = ?, d.http_code = NULL, d.error_class = NULL, d.next_attempt_at = NULL, d.updated_at = NOW(3)`,
      [JSON.stringify(rows.map((row) => [row.id, consumerId])), deliveryStatusCode('queued')],
    );
    return { count: rows.length, after: ids.at(-1)! };
  });
}

/** Takes up to `most` (1–500) dead letters off the list for good; their deliveries stay `dead`. */
export function discard(database: Database, consumerId: number, filter: DeadLetterFilter, after: Id = '0', most = MAX_KEYS): Promise<Step> {
  return database.transaction('discard', async (session) => {
    const ids = await takeDeadLetters(session, consumerId, filter, after, most);
    return { count: ids.length, after: ids.at(-1) ?? after };
  });
}

export interface Step {
  count: number;
  after: Id;
}

async function takeDeadLetters(session: Session, consumerId: number, filter: DeadLetterFilter, after: Id, most: number): Promise<Id[]> {
  const { where, values } = conditions(consumerId, filter);
  const rows = await session.query<{ id: Id }[]>(
    `SELECT l.message_id AS id FROM dead_letter l FORCE INDEX (PRIMARY) WHERE ${where} AND l.message_id > ?
      ORDER BY l.consumer_id, l.message_id LIMIT ? FOR UPDATE SKIP LOCKED`,
    [...values, after, Math.min(most, MAX_KEYS)],
  );
  const ids = rows.map((row) => row.id).toSorted(byId);
  if (ids.length > 0) {
    await session.query(
      `DELETE l FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]')) k
        STRAIGHT_JOIN dead_letter l FORCE INDEX (PRIMARY) ON l.consumer_id = ? AND l.message_id = k.m`,
      [JSON.stringify(ids.map((id) => [id])), consumerId],
    );
  }
  return ids;
}

function conditions(consumerId: number, filter: DeadLetterFilter): { where: string; values: unknown[] } {
  const parts: [string, unknown][] = [['l.consumer_id = ?', consumerId]];
  if (filter.messageIds) parts.push(['l.message_id IN (?)', filter.messageIds]);
  if (filter.from) parts.push(['l.died_at >= ?', filter.from]);
  if (filter.to) parts.push(['l.died_at < ?', filter.to]);
  if (filter.reason) parts.push(['l.reason = ?', filter.reason]);
  return { where: parts.map(([sql]) => sql).join(' AND '), values: parts.map(([, value]) => value) };
}
