import type { Id } from '@app/domain';
import type { Session } from '../database.js';
import type { DeadLetterFilter } from '../dead-letter-filter.js';
import { letGo } from '../ordering/blocked.js';
import { sendAgain, takeDeadLetters } from '../take-dead-letters.js';
import type { JobRow, JobSettings, Progress } from './job-rows.js';

/**
 * Redrives or discards dead letters that were there when the job was made: what it sends and what dies again is not its own. A redrive that nobody asked for
 * has that bound in its settings, and leaves what has died twice to people: it would go round with every recovery.
 */
export async function deadLetterStep(session: Session, job: JobRow, most: number, mint: () => Id): Promise<Progress> {
  const filter = { ...deadLetterFilterOf(job.settings), ...(job.cause === 'auto-redrive' ? { mostDeaths: 1 } : { diedBy: job.createdAt }) };
  const taking = await takeDeadLetters(session, job.consumerId, filter, { after: job.cursor, most, locked: 'wait' });
  const done = job.kind === 'redrive' ? await sendAgain(session, job.consumerId, taking.taken, mint, job.id) : taking.taken.length;
  if (job.kind === 'discard') {
    await letGo(
      session,
      job.consumerId,
      taking.taken.map(({ id }) => id),
    );
  }
  return { done, skipped: taking.taken.length - done, seen: taking.seen, cursor: taking.after, ended: taking.ended };
}

export const deadLetterFilterOf = ({ messages, from, to, reason, errorClass, type }: JobSettings): DeadLetterFilter => ({
  ...(messages ? { messageIds: messages } : {}),
  ...(from === undefined ? {} : { from: new Date(from) }),
  ...(to === undefined ? {} : { to: new Date(to) }),
  ...(reason ? { reason } : {}),
  ...(errorClass ? { errorClass } : {}),
  ...(type === undefined ? {} : { type }),
});
