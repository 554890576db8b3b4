import type { Id } from '@app/domain';
import { byId } from '../key-rows.js';
import type { Statement } from '../packets.js';

/** A delivery that takes its place at the end of its key. Among those of one list that have the same key the order of the list counts. */
export interface Queued {
  messageId: Id;
  consumerId: number;
  rank: number;
  keyHash: Id;
  /** Its place in the lane, should it be the first of its key: the message id, or a fresh id. */
  seq?: Id;
  attempts?: number;
  attemptsBefore?: number;
  /** The job that sends it again; '0' or missing: none. */
  replay?: Id;
}

/** A message whose fan-out waits for those of older messages with the same key. */
export interface QueuedFanout {
  messageId: Id;
  channelId: number;
  rank: number;
  lastConsumerId: number;
  keyHash: Id;
  /** Of a message that was scheduled: its place in the lanes. */
  seq?: Id;
}

/** In `key_head`: the queue of the fan-outs of a key. No consumer has this id. */
export const FANOUTS = 0;

/** Rows in one statement: longer ones gain nothing. */
const STEP = 2_000;

const HEADS = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', h BIGINT UNSIGNED PATH '$[1]', m BIGINT UNSIGNED PATH '$[2]', n INT UNSIGNED PATH '$[3]')) k`;

const QUEUED = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', h BIGINT UNSIGNED PATH '$[1]', b INT UNSIGNED PATH '$[2]', m BIGINT UNSIGNED PATH '$[3]',
    p TINYINT UNSIGNED PATH '$[4]', s BIGINT UNSIGNED PATH '$[5]', a SMALLINT UNSIGNED PATH '$[6]', f SMALLINT UNSIGNED PATH '$[7]', y BIGINT UNSIGNED PATH '$[8]')) k
  STRAIGHT_JOIN key_head head FORCE INDEX (PRIMARY) ON head.consumer_id = k.c AND head.key_hash = k.h`;

const QUEUED_FANOUTS = `JSON_TABLE(?, '$[*]' COLUMNS (h BIGINT UNSIGNED PATH '$[0]', b INT UNSIGNED PATH '$[1]', m BIGINT UNSIGNED PATH '$[2]',
    c INT UNSIGNED PATH '$[3]', p TINYINT UNSIGNED PATH '$[4]', l INT UNSIGNED PATH '$[5]', s BIGINT UNSIGNED PATH '$[6]')) k
  STRAIGHT_JOIN key_head head FORCE INDEX (PRIMARY) ON head.consumer_id = ${FANOUTS} AND head.key_hash = k.h`;

/**
 * Puts deliveries at the ends of their keys: the first of a key is ready, the others wait. Whoever adds to a key holds its row in `key_head` until it commits, so
 * that the order of a key is the order of the commits, whatever clocks say; the rows are locked in the order of their keys. To be run in a transaction that
 * makes the deliveries, behind everything else that it locks.
 */
export const enqueue = (places: readonly Queued[]): Statement[] => {
  if (places.length === 0) return [];
  const rows = inKeyOrder(places, ({ consumerId }) => consumerId).map(({ item: p, behind }) => [
    p.consumerId,
    p.keyHash,
    behind,
    p.messageId,
    p.rank,
    p.seq ?? p.messageId,
    p.attempts ?? 0,
    p.attemptsBefore ?? 0,
    p.replay ?? '0',
  ]);
  const waiting = `INSERT INTO key_waiting (consumer_id, key_hash, seq, message_id, prio_rank, attempts, attempts_before, replay)
     SELECT k.c, k.h, head.last_seq - k.b, k.m, k.p, k.a, k.f, k.y FROM ${QUEUED} WHERE head.last_seq - k.b > head.head_seq`;
  const ready = `INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay, key_hash, key_seq)
     SELECT k.c, k.p, k.s, k.m, k.a, k.f, k.y, k.h, head.head_seq FROM ${QUEUED} WHERE head.last_seq - k.b = head.head_seq`;
  return [...lengthen(places, ({ consumerId }) => consumerId), ...inSteps(waiting, rows), ...inSteps(ready, rows)];
};

/** The same for fan-outs: the first of a key is in `fanout`, the others wait. */
export function enqueueFanouts(places: readonly QueuedFanout[]): Statement[] {
  if (places.length === 0) return [];
  const rows = inKeyOrder(places, () => FANOUTS).map(({ item: p, behind }) => [
    p.keyHash,
    behind,
    p.messageId,
    p.channelId,
    p.rank,
    p.lastConsumerId,
    p.seq ?? '0',
  ]);
  const waiting = `INSERT INTO fanout_waiting (key_hash, seq, message_id, channel_id, prio_rank, last_consumer_id, lane_seq)
     SELECT k.h, head.last_seq - k.b, k.m, k.c, k.p, k.l, k.s FROM ${QUEUED_FANOUTS} WHERE head.last_seq - k.b > head.head_seq`;
  const first = `INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id, seq, key_hash, key_seq)
     SELECT k.m, k.c, k.p, k.l, k.s, k.h, head.head_seq FROM ${QUEUED_FANOUTS} WHERE head.last_seq - k.b = head.head_seq`;
  return [...lengthen(places, () => FANOUTS), ...inSteps(waiting, rows), ...inSteps(first, rows)];
}

type Place = Pick<Queued, 'messageId' | 'keyHash'>;

/**
 * Locks the keys and makes room at their ends. A key that is new here begins at the id of its first message: what may still be marked with numbers that it had
 * before (its consumer was switched to no order and back) is not taken for one of these.
 */
function lengthen<P extends Place>(places: readonly P[], consumerOf: (place: P) => number): Statement[] {
  const keys = new Map<string, [number, Id, Id, number]>();
  for (const place of places) {
    const name = `${consumerOf(place)}/${place.keyHash}`;
    const known = keys.get(name);
    if (known) known[3]++;
    else keys.set(name, [consumerOf(place), place.keyHash, place.messageId, 1]);
  }
  const rows = [...keys.values()].toSorted((a, b) => a[0] - b[0] || byId(a[1], b[1]));
  const sql = `INSERT INTO key_head (consumer_id, key_hash, head_seq, last_seq) SELECT k.c, k.h, k.m, k.m + k.n - 1 FROM ${HEADS}
     ON DUPLICATE KEY UPDATE last_seq = last_seq + k.n`;
  return inSteps(sql, rows);
}

/** Sorted by key, each with how many of the list come after it in its key. */
function inKeyOrder<P extends Place>(places: readonly P[], consumerOf: (place: P) => number): { item: P; behind: number }[] {
  const seen = new Map<string, number>();
  return places
    .toReversed()
    .map((item) => {
      const name = `${consumerOf(item)}/${item.keyHash}`;
      const behind = seen.get(name) ?? 0;
      seen.set(name, behind + 1);
      return { item, behind };
    })
    .toSorted((a, b) => consumerOf(a.item) - consumerOf(b.item) || byId(a.item.keyHash, b.item.keyHash) || b.behind - a.behind);
}

function inSteps(sql: string, rows: readonly unknown[]): Statement[] {
  const statements: Statement[] = [];
  for (let from = 0; from < rows.length; from += STEP) statements.push({ sql, values: [JSON.stringify(rows.slice(from, from + STEP))] });
  return statements;
}
