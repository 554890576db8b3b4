import { ApiProperty } from '@nestjs/swagger';
import { type JobCause, type JobKind, jobKinds, type JobState, jobStates } from '@app/domain';
import type { JobRow } from '@app/storage';

export class JobView {
  id!: string;
  @ApiProperty({ enum: jobKinds })
  kind!: JobKind;
  /** `start-from`: a new consumer wants what came before it. `auto-redrive`: a consumer was well again. */
  @ApiProperty({ enum: ['request', 'start-from', 'auto-redrive'] })
  cause!: JobCause;
  channel!: string;
  consumer!: string;
  /** `failed`: a step broke five times, `error` says how; resume it to try again. */
  @ApiProperty({ enum: jobStates })
  state!: JobState;
  /** What it was made for: the conditions of the request. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { reason: 'attempts-exhausted' } })
  settings!: object;
  /** Deliveries a second, at most; null: as fast as it goes. */
  ratePerSecond!: number | null;
  /** Ends when so many are done; null: with the last. */
  limit!: number | null;
  /** Deliveries that it sent again, or discarded. */
  done!: number;
  /** Deliveries that were on their way to the consumer already, or whose message is gone. */
  skipped!: number;
  /** Dead letters or messages that it has looked at, of `total`. */
  seen!: number;
  /** Dead letters or messages to look at; null: it has not begun. */
  total!: number | null;
  /** There are more than `total`, which were not counted. */
  totalAtLeast!: boolean;
  /** `internal`: look into the scheduler's log. `consumer-deleted`: there is nobody to send to. */
  error!: string | null;
  /** The id of the key that made it; `admin`: the operator's; null: nobody asked. */
  key!: string | null;
  /** What the key was called then. */
  keyName!: string | null;
  createdAt!: Date;
  updatedAt!: Date;
  finishedAt!: Date | null;
}

export class JobList {
  items!: JobView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewJob = (job: JobRow): JobView => ({
  id: job.id,
  kind: job.kind,
  cause: job.cause,
  channel: job.channel,
  consumer: job.consumer,
  state: job.state,
  settings: job.settings,
  ratePerSecond: job.ratePerSecond,
  limit: job.most,
  done: job.done,
  skipped: job.skipped,
  seen: job.seen,
  total: job.total,
  totalAtLeast: job.totalAtLeast,
  error: job.error,
  key: job.keyId,
  keyName: job.keyName,
  createdAt: job.createdAt,
  updatedAt: job.updatedAt,
  finishedAt: job.finishedAt,
});
