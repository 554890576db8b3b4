import type { Id } from '@app/domain';
import type { Database, Session } from '../database.js';
import { MAX_KEYS } from '../key-rows.js';
import { type KeyEnd, release } from './release.js';

/** A dead letter that holds its key. */
export interface Blocked {
  messageId: Id;
  hash: Id;
  seq: Id;
}

const COLUMNS = 'message_id AS messageId, key_hash AS hash, key_seq AS seq';

/** Of these dead letters, at most 500, those that hold their keys; they do so no more. What becomes of the keys is the caller's to say. */
export async function takeBlocked(session: Session, consumerId: number, messageIds: readonly Id[]): Promise<Map<Id, Blocked>> {
  const rows = await session.query<Blocked[]>(
    `SELECT ${COLUMNS} FROM key_blocked FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND message_id IN (?) ORDER BY consumer_id, message_id FOR UPDATE`,
    [consumerId, messageIds],
  );
  await forget(session, consumerId, rows);
  return new Map(rows.map((row) => [row.messageId, row]));
}

/** Lets those go that wait for one of these dead letters, which are redriven and discarded no more. */
export async function letGo(session: Session, consumerId: number, messageIds: readonly Id[]): Promise<void> {
  if (messageIds.length === 0) return;
  await goOn(session, consumerId, (await takeBlocked(session, consumerId, messageIds)).values());
}

/** Lets the next of each key go. */
async function goOn(session: Session, consumerId: number, blocked: Iterable<Blocked>): Promise<void> {
  const ends = Array.from(blocked, ({ hash, seq }): KeyEnd => ({ consumerId, hash, seq }));
  for (const { sql, values } of release(ends)) await session.query(sql, values);
}

/**
 * Lets up to 500 keys go on whose dead letters hold them although their consumer does not want that any more: its settings were changed, or it was deleted.
 * Returns how many, and whose.
 */
export async function unblock(database: Database): Promise<{ count: number; consumerIds: number[] }> {
  const [found] = await database.query<{ id: number }[]>(
    `SELECT t.consumer_id AS id FROM (SELECT DISTINCT consumer_id FROM key_blocked) t LEFT JOIN consumer c ON c.id = t.consumer_id
      WHERE c.id IS NULL OR c.ordering <> 'key' OR c.ordering_exhausted <> 'block' LIMIT 1`,
  );
  if (!found) return { count: 0, consumerIds: [] };
  return database.transaction('unblock', async (session) => {
    const rows = await session.query<Blocked[]>(
      `SELECT ${COLUMNS} FROM key_blocked FORCE INDEX (PRIMARY) WHERE consumer_id = ? ORDER BY consumer_id, message_id LIMIT ? FOR UPDATE SKIP LOCKED`,
      [found.id, MAX_KEYS],
    );
    await forget(session, found.id, rows);
    await goOn(session, found.id, rows);
    return { count: rows.length, consumerIds: rows.length > 0 ? [found.id] : [] };
  });
}

async function forget(session: Session, consumerId: number, rows: readonly Blocked[]): Promise<void> {
  if (rows.length === 0) return;
  await session.query(
    `DELETE b FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$')) k
      STRAIGHT_JOIN key_blocked b FORCE INDEX (PRIMARY) ON b.consumer_id = ? AND b.message_id = k.m`,
    [JSON.stringify(rows.map(({ messageId }) => messageId)), consumerId],
  );
}
