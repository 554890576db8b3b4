import type { Id } from '@app/domain';
import type { Database, Session } from '../database.js';
import { byId, MAX_KEYS } from '../key-rows.js';

interface Key {
  hash: Id;
  headSeq: Id;
  lastSeq: Id;
}

interface Follower {
  hash: Id;
  seq: Id;
  message_id: Id;
  prio_rank: number;
  attempts: number;
  attempts_before: number;
  replay: Id;
}

/** JSON rows `[hash, …]` of one consumer. */
const FOLLOWERS = `JSON_TABLE(?, '$[*]' COLUMNS (h BIGINT UNSIGNED PATH '$[0]', q BIGINT UNSIGNED PATH '$[1]')) k`;

/**
 * Makes up to 500 deliveries ready that wait behind others of their key although their consumer asks for no order any more. They are taken from the ends of
 * the keys, so that what is left of a key is in order should the consumer ask for that again; and go to their lane by the ids of their messages.
 */
export async function loosen(database: Database): Promise<{ count: number; consumerIds: number[] }> {
  const [found] = await database.query<{ id: number }[]>(
    `SELECT t.consumer_id AS id FROM (SELECT DISTINCT consumer_id FROM key_waiting) t STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = t.consumer_id
      WHERE c.ordering = 'none' LIMIT 1`,
  );
  if (!found) return { count: 0, consumerIds: [] };
  return database.transaction('loosen', async (session) => {
    const keys = await session.query<Key[]>(
      `SELECT key_hash AS hash, head_seq AS headSeq, last_seq AS lastSeq FROM key_head FORCE INDEX (PRIMARY)
        WHERE consumer_id = ? AND last_seq > head_seq ORDER BY consumer_id, key_hash LIMIT ? FOR UPDATE`,
      [found.id, MAX_KEYS],
    );
    const followers = await lastOf(session, found.id, keys);
    if (followers.length > 0) await moveToReady(session, found.id, followers);
    return { count: followers.length, consumerIds: followers.length > 0 ? [found.id] : [] };
  });
}

async function lastOf(session: Session, consumerId: number, keys: readonly Key[]): Promise<Follower[]> {
  const followers: Follower[] = [];
  for (const { hash, headSeq, lastSeq } of keys) {
    const left = MAX_KEYS - followers.length;
    if (left <= 0) break;
    const from = BigInt(lastSeq) - BigInt(left);
    const after = from > BigInt(headSeq) ? from.toString() : headSeq;
    followers.push(
      ...(await session.query<Follower[]>(
        `SELECT key_hash AS hash, seq, message_id, prio_rank, attempts, attempts_before, replay FROM key_waiting FORCE INDEX (PRIMARY)
          WHERE consumer_id = ? AND key_hash = ? AND seq > ? ORDER BY consumer_id, key_hash, seq`,
        [consumerId, hash, after],
      )),
    );
  }
  return followers;
}

async function moveToReady(session: Session, consumerId: number, followers: readonly Follower[]): Promise<void> {
  await session.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay) VALUES ?', [
    followers
      .toSorted((a, b) => a.prio_rank - b.prio_rank || byId(a.message_id, b.message_id))
      .map((row) => [consumerId, row.prio_rank, row.message_id, row.message_id, row.attempts, row.attempts_before, row.replay]),
  ]);
  await session.query(
    `DELETE w FROM ${FOLLOWERS} STRAIGHT_JOIN key_waiting w FORCE INDEX (PRIMARY) ON w.consumer_id = ? AND w.key_hash = k.h AND w.seq = k.q`,
    [JSON.stringify(followers.map(({ hash, seq }) => [hash, seq])), consumerId],
  );
  const counts = new Map<Id, number>();
  for (const { hash } of followers) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  await session.query(
    `UPDATE ${FOLLOWERS} STRAIGHT_JOIN key_head head FORCE INDEX (PRIMARY) ON head.consumer_id = ? AND head.key_hash = k.h
        SET head.last_seq = head.last_seq - k.q`,
    [JSON.stringify([...counts]), consumerId],
  );
}
