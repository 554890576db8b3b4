import { type Id, type Ordering, orderingHash } from '@app/domain';
import type { Session } from '../database.js';
import { takeBlocked } from './blocked.js';
import { enqueue } from './enqueue.js';

interface Row {
  consumerId: number;
  rank: number;
  seq: Id;
  messageId: Id;
  attempts: number;
  replay: Id;
}

/**
 * Gives deliveries of one consumer that are attempted again their places in the order of its keys, and returns those that have none: their message has no
 * key, or the consumer asks for no order. A dead letter that holds its key is the first of it still; the others join at the end.
 */
export async function intoOrder<R extends Row>(session: Session, rows: readonly R[]): Promise<readonly R[]> {
  const consumerId = rows[0]!.consumerId;
  const [consumer] = await session.query<{ ordering: Ordering }[]>('SELECT ordering FROM consumer FORCE INDEX (PRIMARY) WHERE id = ?', [
    consumerId,
  ]);
  if (consumer?.ordering !== 'key') return rows;
  const ids = rows.map(({ messageId }) => messageId);
  const blocked = await takeBlocked(session, consumerId, ids);
  const keys = await keysOf(session, ids);
  const firsts = rows.flatMap((row) => {
    const place = blocked.get(row.messageId);
    return place ? [[consumerId, row.rank, row.seq, row.messageId, row.attempts, row.attempts, row.replay, place.hash, place.seq]] : [];
  });
  if (firsts.length > 0) {
    const sql =
      'INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay, key_hash, key_seq) VALUES ?';
    await session.query(sql, [firsts]);
  }
  const others = rows.filter(({ messageId }) => !blocked.has(messageId));
  const queued = others.flatMap((row) => {
    const key = keys.get(row.messageId);
    return key === undefined ? [] : [{ ...row, keyHash: orderingHash(key), attemptsBefore: row.attempts }];
  });
  for (const { sql, values } of enqueue(queued)) await session.query(sql, values);
  return others.filter(({ messageId }) => !keys.has(messageId));
}

async function keysOf(session: Session, ids: readonly Id[]): Promise<Map<Id, string>> {
  const rows = await session.query<{ id: Id; orderingKey: string }[]>(
    'SELECT id, ordering_key AS orderingKey FROM message FORCE INDEX (PRIMARY) WHERE id IN (?) AND ordering_key IS NOT NULL',
    [ids],
  );
  return new Map(rows.map(({ id, orderingKey }) => [id, orderingKey]));
}
