import { type Id, type JobAct, jobAfter, type JobState, isFinished, LAST_ID, Problem } from '@app/domain';
import type { Audit } from '../audit.js';
import type { Database } from '../database.js';
import { MAX_KEYS } from '../key-rows.js';
import { type JobRow, readJobs } from './job-rows.js';

export async function findJob(database: Database, id: Id): Promise<JobRow | undefined> {
  const [job] = await readJobs(database, 'FORCE INDEX (PRIMARY) WHERE id = ?', [id]);
  return job;
}

/** Which jobs; all when empty. */
export interface JobFilter {
  channel?: string;
  consumer?: string;
  state?: JobState;
}

/** Newest first; `before` is the last id of the previous page. Jobs that are left out by another filter than `channel` are read and passed over. */
export function listJobs(database: Database, filter: JobFilter, page: { limit: number; before?: Id }): Promise<JobRow[]> {
  const parts: [string, unknown][] = [['id < ?', page.before ?? LAST_ID]];
  if (filter.channel !== undefined) parts.push(['channel_name = ?', filter.channel]);
  if (filter.consumer !== undefined) parts.push(['consumer_name = ?', filter.consumer]);
  if (filter.state !== undefined) parts.push(['state = ?', filter.state]);
  const [index, order] = filter.channel === undefined ? ['PRIMARY', 'id DESC'] : ['job_by_channel', 'channel_name DESC, id DESC'];
  return readJobs(database, `FORCE INDEX (${index}) WHERE ${parts.map(([sql]) => sql).join(' AND ')} ORDER BY ${order} LIMIT ?`, [
    ...parts.map(([, value]) => value),
    page.limit,
  ]);
}

/**
 * Pauses, resumes or cancels a job. It waits for the step that is under way, which takes some milliseconds; no further one begins. Changes nothing when
 * the job is so already. Throws {@link Problem} `not-found`, or `conflict` when it has ended.
 */
export function changeJob(database: Database, id: Id, act: JobAct, audit: Audit): Promise<JobRow> {
  return database.transaction('change-job', async (session) => {
    const read = async (rest = ''): Promise<JobRow | undefined> =>
      (await readJobs(session, `FORCE INDEX (PRIMARY) WHERE id = ? ${rest}`, [id]))[0];
    const job = await read('FOR UPDATE');
    if (!job) throw new Problem('not-found', 'there is no such job');
    const state = jobAfter(job.state, act);
    if (state === undefined) throw new Problem('conflict', `the job is ${job.state}`);
    await audit.record(session, { status: 200, fields: state === job.state ? [] : ['state'] });
    if (state === job.state) return job;
    // Otherwise whoever pauses and resumes would have a step more each time, whatever the rate.
    const due = job.state === 'failed' ? 'NOW(6)' : 'GREATEST(next_at, NOW(6))';
    await session.query(
      `UPDATE job SET state = ?, failures = 0, error = NULL, next_at = ${due}, updated_at = NOW(3), finished_at = ${isFinished(state) ? 'NOW(3)' : 'NULL'} WHERE id = ?`,
      [state, id],
    );
    return (await read())!;
  });
}

/** How many jobs there are in each state that any is in. */
export async function countJobs(database: Database): Promise<Map<JobState, number>> {
  const rows = await database.query<{ state: JobState; n: string }[]>(
    'SELECT state, COUNT(*) AS n FROM job FORCE INDEX (job_due) GROUP BY state',
  );
  return new Map(rows.map(({ state, n }) => [state, Number(n)]));
}

/** Deletes up to 500 jobs that finished before `before`. Returns how many. */
export async function pruneJobs(database: Database, before: Date): Promise<number> {
  const { affectedRows } = await database.query('DELETE FROM job WHERE finished_at < ? ORDER BY finished_at LIMIT ?', [before, MAX_KEYS]);
  return affectedRows;
}
