import { type Id, type JobCause, type JobKind, LAST_ID, Problem } from '@app/domain';
import type { Audit } from '../audit.js';
import type { Database, Session } from '../database.js';
import { type JobRow, type JobSettings, readJobs } from './job-rows.js';

export interface NewJob {
  id: Id;
  kind: JobKind;
  cause: JobCause;
  of: JobConsumer;
  settings: JobSettings;
  ratePerSecond: number | null;
  most?: number | null;
  /** A replay looks at messages behind `after` up to `last`. */
  range?: { after: Id; last: Id };
  /** Who asked for it. */
  by?: { keyId: string; keyName: string };
}

export interface JobConsumer {
  channelId: number;
  consumerId: number;
  channel: string;
  consumer: string;
}

/**
 * Makes a job that begins at once, with its audit row. A replay ends with the messages that the channel has now. Throws {@link Problem} `conflict` while
 * the consumer has `mostUnfinished` jobs that are running or paused, `not-found` when it is gone.
 */
export function createJob(database: Database, job: NewJob, audit: Audit, mostUnfinished: number): Promise<JobRow> {
  return database.transaction('create-job', async (session) => {
    const { channelId, consumerId } = job.of;
    const [there] = await session.query<unknown[]>('SELECT 1 FROM consumer WHERE id = ? AND channel_id = ? LOCK IN SHARE MODE', [
      consumerId,
      channelId,
    ]);
    if (!there) throw new Problem('not-found', 'there is no such consumer');
    await refuseMore(session, consumerId, mostUnfinished);
    const range = job.kind === 'replay' ? await bounded(session, channelId, job.range) : job.range;
    await insertJob(session, { ...job, range });
    await audit.record(session, { status: 202 });
    const [row] = await readJobs(session, 'FORCE INDEX (PRIMARY) WHERE id = ?', [job.id]);
    return row!;
  });
}

/** Within a transaction that sees to the rest. */
export async function insertJob(session: Session, job: NewJob): Promise<void> {
  const { of, range, by } = job;
  await session.query(
    `INSERT INTO job (id, kind, cause, channel_id, consumer_id, channel_name, consumer_name, settings, rate_per_second, most, cursor_id, end_id, key_id,
       key_name, next_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NOW(6), NOW(3), NOW(3))`,
    [
      job.id,
      job.kind,
      job.cause,
      of.channelId,
      of.consumerId,
      of.channel,
      of.consumer,
      JSON.stringify(job.settings),
      job.ratePerSecond,
      job.most ?? null,
      range?.after ?? '0',
      range?.last ?? LAST_ID,
      by?.keyId ?? null,
      by?.keyName ?? null,
    ],
  );
}

/** The youngest message of a channel that is committed; '0' when it has none. One step in the index. */
export async function lastMessageOf(session: Session, channelId: number): Promise<Id> {
  const [row] = await session.query<{ id: Id }[]>(
    'SELECT id FROM message FORCE INDEX (message_by_channel) WHERE channel_id = ? ORDER BY channel_id DESC, id DESC LIMIT 1',
    [channelId],
  );
  return row?.id ?? '0';
}

async function bounded(session: Session, channelId: number, range = { after: '0', last: LAST_ID }): Promise<{ after: Id; last: Id }> {
  const last = await lastMessageOf(session, channelId);
  return { after: range.after, last: BigInt(last) < BigInt(range.last) ? last : range.last };
}

async function refuseMore(session: Session, consumerId: number, most: number): Promise<void> {
  const [row] = await session.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM job FORCE INDEX (job_by_consumer) WHERE consumer_id = ? AND state IN ('running', 'paused')`,
    [consumerId],
  );
  if (Number(row!.n) < most) return;
  throw new Problem('conflict', `the consumer has ${most} jobs that are not finished (MAX_JOBS_PER_CONSUMER): cancel one, or wait`);
}
