import { deliveryStatusCode, type Id, REPLAY_RANK } from '@app/domain';
import { rankOf } from './accept.js';
import type { Session } from './database.js';
import { conditionsOf, type DeadLetterFilter } from './dead-letter-filter.js';
import { byId, deliveryRows, MAX_KEYS } from './key-rows.js';
import { makeReady } from './make-ready.js';
import { letGo } from './ordering/blocked.js';

export interface TakenDeadLetter {
  id: Id;
  /** The job whose replay died; '0': it was live. */
  replay: Id;
}

export interface Taking {
  taken: TakenDeadLetter[];
  /** The last message that was looked at. */
  after: Id;
  /** How many were looked at. */
  seen: number;
  /** Nothing is left behind `after`. */
  ended: boolean;
}

interface Where {
  after: Id;
  most?: number;
  /** What to do with one that another transaction holds: leave it to that one, or wait and see. */
  locked: 'skip' | 'wait';
}

/**
 * Takes dead letters off the list: of the next 500 those that match, `most` at most. Never looks at more, so that a rare condition makes no long
 * transaction; what does not match is not locked.
 */
export async function takeDeadLetters(session: Session, consumerId: number, filter: DeadLetterFilter, where: Where): Promise<Taking> {
  const { own, all, joins } = conditionsOf(filter);
  const found = await session.query<{ id: Id; hit: number | string | null }[]>(
    `SELECT l.message_id AS id, (${all.sql}) AS hit FROM dead_letter l FORCE INDEX (PRIMARY) ${joins}
      WHERE l.consumer_id = ? AND l.message_id > ? ${filter.messageIds ? 'AND l.message_id IN (?)' : ''} ORDER BY l.consumer_id, l.message_id LIMIT ?`,
    [...all.values, consumerId, where.after, ...(filter.messageIds ? [filter.messageIds] : []), MAX_KEYS],
  );
  const hits = found.filter(({ hit }) => Number(hit) === 1);
  const ids = hits.slice(0, where.most ?? MAX_KEYS).map(({ id }) => id);
  const cut = ids.length < hits.length;
  const after = (cut ? ids.at(-1) : found.at(-1)?.id) ?? where.after;
  const seen = cut ? found.findIndex(({ id }) => id === after) + 1 : found.length;
  const taken = ids.length === 0 ? [] : await take(session, consumerId, ids, own, where.locked);
  return { taken, after, seen, ended: !cut && found.length < MAX_KEYS };
}

async function take(
  session: Session,
  consumerId: number,
  ids: readonly Id[],
  own: { sql: string; values: unknown[] },
  locked: Where['locked'],
): Promise<TakenDeadLetter[]> {
  const rows = await session.query<TakenDeadLetter[]>(
    `SELECT l.message_id AS id, l.replay FROM dead_letter l FORCE INDEX (PRIMARY) WHERE l.consumer_id = ? AND l.message_id IN (?) AND ${own.sql}
      ORDER BY l.consumer_id, l.message_id FOR UPDATE ${locked === 'skip' ? 'SKIP LOCKED' : ''}`,
    [consumerId, ids, ...own.values],
  );
  const taken = rows.toSorted((a, b) => byId(a.id, b.id));
  await removeDeadLetters(
    session,
    consumerId,
    taken.map(({ id }) => id),
  );
  return taken;
}

/** Of messages in the order of their ids. */
export async function removeDeadLetters(session: Session, consumerId: number, ids: readonly Id[]): Promise<void> {
  if (ids.length === 0) return;
  await session.query(
    `DELETE l FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]')) k
      STRAIGHT_JOIN dead_letter l FORCE INDEX (PRIMARY) ON l.consumer_id = ? AND l.message_id = k.m`,
    [JSON.stringify(ids.map((id) => [id])), consumerId],
  );
}

/**
 * Makes what was taken ready, in the order in which it was published. Returns how many; one whose message is not there any more is only taken. `job`: which one
 * does it; null: none, a request.
 */
export async function sendAgain(
  session: Session,
  consumerId: number,
  taken: readonly TakenDeadLetter[],
  mint: () => Id,
  job: Id | null,
): Promise<number> {
  if (taken.length === 0) return 0;
  const rows = await session.query<{ id: Id; priority: number; attempts: number; priorities: number | null }[]>(
    `SELECT d.message_id AS id, m.priority, d.attempts, h.priorities FROM delivery d FORCE INDEX (PRIMARY)
       STRAIGHT_JOIN message m FORCE INDEX (PRIMARY) ON m.id = d.message_id LEFT JOIN channel h FORCE INDEX (PRIMARY) ON h.id = m.channel_id
      WHERE d.consumer_id = ? AND d.message_id IN (?) ORDER BY d.message_id`,
    [consumerId, taken.map(({ id }) => id)],
  );
  const there = new Set(rows.map(({ id }) => id));
  // Nobody waits for what cannot be sent again.
  await letGo(
    session,
    consumerId,
    taken.flatMap(({ id }) => (there.has(id) ? [] : [id])),
  );
  if (rows.length === 0) return 0;
  const replays = new Map(taken.map(({ id, replay }) => [id, replay]));
  await makeReady(
    session,
    rows.map(({ id, priority, attempts, priorities }) => {
      const live = rankOf(priority, priorities !== 0);
      const replay = replays.get(id) ?? '0';
      return { consumerId, rank: replay === '0' ? live : REPLAY_RANK, seq: mint(), messageId: id, attempts, replay };
    }),
  );
  await queueAgain(
    session,
    consumerId,
    rows.map(({ id }) => id),
    { job },
  );
  return rows.length;
}

/** Writes `queued` into deliveries that were at their end, of messages in the order of their ids. */
export async function queueAgain(
  session: Session,
  consumerId: number,
  ids: readonly Id[],
  { job, replays = 0 }: { job: Id | null; replays?: number },
): Promise<void> {
  if (ids.length === 0) return;
  await session.query(
    `UPDATE ${deliveryRows()} SET d.status = ?, d.job_id = ?, d.replays = d.replays + ?, d.http_code = 0, d.error_class = NULL, d.next_attempt_at = NULL,
        d.updated_at = NOW(3)`,
    [JSON.stringify(ids.map((id) => [id, consumerId])), deliveryStatusCode('queued'), job, replays],
  );
}
