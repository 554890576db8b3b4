import type { Id } from '@app/domain';
import type { Session } from './database.js';
import { intoOrder } from './ordering/into-order.js';

/** A delivery that was at its end and is to be attempted again, at the end of its lane. */
export interface AgainReady {
  consumerId: number;
  rank: number;
  seq: Id;
  messageId: Id;
  /** Attempts made so far: numbers go on from there, and none of them weighs against the retry policy any more. */
  attempts: number;
  /** The job that sends it again as a replay; '0': none. */
  replay: Id;
}

/**
 * Puts rows of one consumer into `ready`, due at once; or, where it asks for order, at the ends of their keys, unless they hold their keys already. The transaction has seen to it that none of the deliveries is there, or in `retry`, already.
 */
export async function makeReady(session: Session, rows: readonly AgainReady[]): Promise<void> {
  if (rows.length === 0) return;
  const unordered = await intoOrder(session, rows);
  if (unordered.length === 0) return;
  await session.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id, attempts, attempts_before, replay) VALUES ?', [
    unordered.map((row) => [row.consumerId, row.rank, row.seq, row.messageId, row.attempts, row.attempts, row.replay]),
  ]);
}
