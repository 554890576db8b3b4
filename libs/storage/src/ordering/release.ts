import type { Id, NextStep } from '@app/domain';
import type { Claimed } from '../claim.js';
import { byId } from '../key-rows.js';
import type { Statement } from '../packets.js';
import { FANOUTS } from './enqueue.js';

/** What became of a claim. */
interface Outcome {
  claim: Claimed;
  step: NextStep;
}

/** A delivery that was the first of its key and has ended for good. */
export interface KeyEnd {
  consumerId: number;
  hash: Id;
  seq: Id;
  /** Where in its lane the next one goes; left out: by the id of its message, before those that became ready in the meantime. */
  nextSeq?: Id;
}

const KEYS = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', h BIGINT UNSIGNED PATH '$[1]', q BIGINT UNSIGNED PATH '$[2]', s BIGINT UNSIGNED PATH '$[3]')) k
  STRAIGHT_JOIN key_head head FORCE INDEX (PRIMARY) ON head.consumer_id = k.c AND head.key_hash = k.h`;
const NEXT = `${KEYS} STRAIGHT_JOIN key_waiting w FORCE INDEX (PRIMARY) ON w.consumer_id = k.c AND w.key_hash = k.h AND w.seq = head.head_seq`;

/**
 * Makes the next one of each key ready, once: a key that has gone on already is left as it is, and one with nobody left is forgotten. The keys stay locked,
 * in their order, until the transaction ends, so that nobody joins a key at the moment in which it is found to be empty.
 */
export function release(ends: readonly KeyEnd[]): Statement[] {
  if (ends.length === 0) return [];
  const rows = ends
    .map(({ consumerId, hash, seq, nextSeq }) => [consumerId, hash, seq, nextSeq ?? null] as const)
    .toSorted((a, b) => a[0] - b[0] || byId(a[1], b[1]));
  const values = [JSON.stringify(rows)];
  return [
    // The lock comes first: the statements below see what was committed before it.
    { sql: `UPDATE ${KEYS} AND head.head_seq = k.q SET head.head_seq = head.head_seq + 1`, values },
    {
      sql: `INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay, key_hash, key_seq)
        SELECT w.consumer_id, w.prio_rank, COALESCE(k.s, w.message_id), w.message_id, w.attempts, w.attempts_before, w.replay, w.key_hash, w.seq FROM ${NEXT}`,
      values,
    },
    { sql: `DELETE w FROM ${NEXT}`, values },
    forgetEmpty(values),
  ];
}

/** The same for the fan-out of a message that is done. */
export function releaseFanout(hash: Id, seq: Id): Statement[] {
  const values = [JSON.stringify([[FANOUTS, hash, seq, null]])];
  const next = `${KEYS} STRAIGHT_JOIN fanout_waiting w FORCE INDEX (PRIMARY) ON w.key_hash = k.h AND w.seq = head.head_seq`;
  return [
    {
      sql: `INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id, seq, key_hash, key_seq)
        SELECT w.message_id, w.channel_id, w.prio_rank, w.last_consumer_id, w.lane_seq, w.key_hash, w.seq FROM ${next}`,
      values,
    },
    { sql: `DELETE w FROM ${next}`, values },
    forgetEmpty(values),
  ];
}

/** Begins {@link releaseFanout}: locks the key, before those of the consumers, as whoever adds to them does. */
export const advanceFanout = (hash: Id, seq: Id): Statement => ({
  sql: `UPDATE ${KEYS} AND head.head_seq = k.q SET head.head_seq = head.head_seq + 1`,
  values: [JSON.stringify([[FANOUTS, hash, seq, null]])],
});

const forgetEmpty = (values: readonly unknown[]): Statement => ({
  sql: `DELETE head FROM ${KEYS} AND head.head_seq > head.last_seq`,
  values,
});

/** Whether those behind it may go on: it was delivered, or is dead and does not block. */
export function endsKey({ claim, step }: Outcome): boolean {
  return claim.key !== undefined && step.to !== 'retry' && !blocksKey({ claim, step });
}

/** Whether it is a dead letter for which those behind it wait. */
export const blocksKey = ({ claim, step }: Outcome): boolean =>
  claim.key?.blocks === true && step.to === 'dead' && step.reason !== 'test-failed';

/** What outcomes mean for the keys of their deliveries; nothing for those that have none. `mint` names places at the ends of the lanes. */
export function moveKeys(batch: readonly Outcome[], mint: () => Id): Statement[] {
  const ordered = batch.filter(({ claim }) => claim.key);
  if (ordered.length === 0) return [];
  const ends = ordered.filter(endsKey).map(({ claim }) => ({ ...placeOf(claim), nextSeq: mint() }));
  return [...block(ordered.filter(blocksKey)), ...release(ends)];
}

const placeOf = ({ consumerId, key }: Claimed): KeyEnd => ({ consumerId, hash: key!.hash, seq: key!.seq });

function block(dead: readonly Outcome[]): Statement[] {
  if (dead.length === 0) return [];
  const rows = dead.map(({ claim }) => [claim.consumerId, claim.messageId, claim.key!.hash, claim.key!.seq]);
  return [{ sql: 'INSERT INTO key_blocked (consumer_id, message_id, key_hash, key_seq) VALUES ?', values: [rows] }];
}
