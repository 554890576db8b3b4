import { type FilterJson, type Id, jobPauseMicros, type JobState, jobStepRows } from '@app/domain';
import type { Database, Session } from '../database.js';
import { deadLetterStep } from './dead-letter-step.js';
import { type JobRow, type Progress, readJobs } from './job-rows.js';
import { replayStep } from './replay-step.js';
import { totalOf } from './total-of-job.js';

/** What one step of a job has come to. */
export interface JobStep {
  job: JobRow;
  /** The job's state after the step. */
  state: JobState;
  done: number;
  skipped: number;
}

export interface StepParts {
  mint: () => Id;
  /** A job waits while its consumer has so many rows in its lane: what it would add could not be sent anyway, and can still be cancelled. */
  aheadRows: number;
}

/** Jobs that have a step to make, the one that has waited longest first. */
export async function dueJobs(database: Database, limit: number): Promise<Id[]> {
  const rows = await database.query<{ id: Id }[]>(
    `SELECT id FROM job FORCE INDEX (job_due) WHERE state = 'running' AND next_at <= NOW(6) ORDER BY state, next_at LIMIT ?`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

/** Milliseconds until the next step of any job is due, by the database's clock; undefined when none is running. */
export async function untilNextJob(database: Database): Promise<number | undefined> {
  const [first] = await database.query<{ ms: string }[]>(
    `SELECT TIMESTAMPDIFF(MICROSECOND, NOW(6), next_at) DIV 1000 AS ms FROM job FORCE INDEX (job_due) WHERE state = 'running' ORDER BY state, next_at LIMIT 1`,
  );
  return first && Math.max(0, Number(first.ms));
}

/** How long a step with a rate may be late and made up for. */
const MADE_UP_MICROS = 1_000_000;
const AHEAD_WAIT_MICROS = 500_000;

/**
 * Makes one step: moves rows, and with them the job's cursor and counts, in one short transaction. Whoever holds the job's row makes its step; a process
 * that dies leaves nothing of it. Undefined when it is not its turn: paused, finished, not due, or another process is at it.
 */
export function stepJob(database: Database, id: Id, parts: StepParts): Promise<JobStep | undefined> {
  return database.transaction('job-step', async (session) => {
    const [job] = await readJobs(
      session,
      `FORCE INDEX (PRIMARY) WHERE id = ? AND state = 'running' AND next_at <= NOW(6) FOR UPDATE SKIP LOCKED`,
      [id],
    );
    if (!job) return undefined;
    const [consumer] = await session.query<{ filter: FilterJson | string | null }[]>(
      'SELECT c.filter FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id WHERE c.id = ?',
      [job.consumerId],
    );
    if (!consumer) return end(session, job, 'cancelled', 'consumer-deleted');
    if (job.total === null) await countTotal(session, job);
    if (job.kind !== 'discard' && (await isAhead(session, job.consumerId, parts.aheadRows))) return wait(session, job);
    const most = Math.min(jobStepRows(job.ratePerSecond), job.most === null ? Infinity : job.most - job.done);
    const progress =
      job.kind === 'replay'
        ? await replayStep(session, job, consumer.filter, most, parts.mint)
        : await deadLetterStep(session, job, most, parts.mint);
    return advance(session, job, progress);
  });
}

async function advance(session: Session, job: JobRow, { done, skipped, seen, cursor, ended }: Progress): Promise<JobStep> {
  const state = ended || (job.most !== null && job.done + done >= job.most) ? 'done' : 'running';
  const due =
    job.ratePerSecond === null
      ? 'NOW(6)'
      : `GREATEST(next_at, NOW(6) - INTERVAL ${MADE_UP_MICROS} MICROSECOND) + INTERVAL ${jobPauseMicros(job.ratePerSecond, done)} MICROSECOND`;
  await session.query(
    `UPDATE job SET cursor_id = ?, done = done + ?, skipped = skipped + ?, seen = seen + ?, failures = 0, error = NULL, state = ?, next_at = ${due},
       updated_at = NOW(3), finished_at = ${state === 'done' ? 'NOW(3)' : 'NULL'} WHERE id = ?`,
    [cursor, done, skipped, seen, state, job.id],
  );
  return { job, state, done, skipped };
}

async function end(session: Session, job: JobRow, state: JobState, error: string): Promise<JobStep> {
  await session.query('UPDATE job SET state = ?, error = ?, updated_at = NOW(3), finished_at = NOW(3) WHERE id = ?', [
    state,
    error,
    job.id,
  ]);
  return { job, state, done: 0, skipped: 0 };
}

async function wait(session: Session, job: JobRow): Promise<JobStep> {
  await session.query(`UPDATE job SET next_at = NOW(6) + INTERVAL ${AHEAD_WAIT_MICROS} MICROSECOND WHERE id = ?`, [job.id]);
  return { job, state: 'running', done: 0, skipped: 0 };
}

async function countTotal(session: Session, job: JobRow): Promise<void> {
  const { total, atLeast } = await totalOf(session, job);
  await session.query('UPDATE job SET total = ?, total_at_least = ? WHERE id = ?', [total, Number(atLeast), job.id]);
}

async function isAhead(session: Session, consumerId: number, rows: number): Promise<boolean> {
  const [row] = await session.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM ((SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT ?)
       UNION ALL (SELECT 1 FROM key_waiting FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT ?)) t`,
    [consumerId, rows, consumerId, rows],
  );
  return Number(row!.n) >= rows;
}

const MOST_FAILURES = 5;

/** A step broke in a way that nobody expected: tries again after 2, 4, 8 and 16 s, and gives up with the fifth time. Returns whether it has given up. */
export async function jobFailed(database: Database, id: Id): Promise<boolean> {
  return database.transaction('job-failed', async (session) => {
    await session.query(
      `UPDATE job SET next_at = NOW(6) + INTERVAL POW(2, failures + 1) SECOND, finished_at = IF(failures + 1 >= ?, NOW(3), NULL),
         state = IF(failures + 1 >= ?, 'failed', state), failures = failures + 1, error = 'internal', updated_at = NOW(3) WHERE id = ? AND state = 'running'`,
      [MOST_FAILURES, MOST_FAILURES, id],
    );
    const [row] = await session.query<{ state: JobState }[]>('SELECT state FROM job WHERE id = ?', [id]);
    return row?.state === 'failed';
  });
}
