import type { DeadReason, ErrorClass, Id, JobCause, JobKind, JobState, ReplayStatus } from '@app/domain';
import type { Session } from '../database.js';
import { fromJson } from '../json.js';

/** What a job was made for, as JSON: times are RFC 3339. A replay's times are message ids in its row. */
export interface JobSettings {
  messages?: readonly Id[];
  from?: string;
  to?: string;
  reason?: DeadReason;
  errorClass?: ErrorClass;
  type?: string;
  statuses?: readonly ReplayStatus[];
}

export interface JobRow {
  id: Id;
  kind: JobKind;
  cause: JobCause;
  channelId: number;
  consumerId: number;
  channel: string;
  consumer: string;
  settings: JobSettings;
  state: JobState;
  ratePerSecond: number | null;
  /** Ends when so many are done. */
  most: number | null;
  /** The last message that was looked at. */
  cursor: Id;
  /** The last message to look at. */
  end: Id;
  done: number;
  /** On their way to the consumer already when their turn came. */
  skipped: number;
  /** Messages or dead letters that were looked at. */
  seen: number;
  /** To look at, as counted in the first step; null: not counted yet. */
  total: number | null;
  totalAtLeast: boolean;
  error: string | null;
  keyId: string | null;
  keyName: string | null;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
}

type Stored = Omit<JobRow, 'settings' | 'totalAtLeast' | 'done' | 'skipped' | 'seen' | 'total' | 'most'> & {
  settings: JobSettings | string;
  totalAtLeast: number;
  done: string;
  skipped: string;
  seen: string;
  total: string | null;
  most: string | null;
};

const COLUMNS = `id, kind, cause, channel_id AS channelId, consumer_id AS consumerId, channel_name AS channel, consumer_name AS consumer, settings, state,
  rate_per_second AS ratePerSecond, most, cursor_id AS 'cursor', end_id AS 'end', done, skipped, seen, total, total_at_least AS totalAtLeast, error,
  key_id AS keyId, key_name AS keyName, created_at AS createdAt, updated_at AS updatedAt, finished_at AS finishedAt`;

/** Reads jobs; `rest` follows the name of the table. */
export async function readJobs(session: Session, rest: string, values: readonly unknown[]): Promise<JobRow[]> {
  const rows = await session.query<Stored[]>(`SELECT ${COLUMNS} FROM job ${rest}`, values);
  return rows.map(jobOf);
}

const jobOf = (row: Stored): JobRow => ({
  ...row,
  settings: fromJson<JobSettings>(row.settings) ?? {},
  most: numberOf(row.most),
  done: Number(row.done),
  skipped: Number(row.skipped),
  seen: Number(row.seen),
  total: numberOf(row.total),
  totalAtLeast: row.totalAtLeast === 1,
});

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));

/** What the rows of one step have come to. */
export interface Progress {
  done: number;
  skipped: number;
  seen: number;
  cursor: Id;
  /** Nothing is left behind the cursor. */
  ended: boolean;
}
