import { IsIn, IsOptional, Matches, ValidateIf } from 'class-validator';
import { type JobState, jobStates } from '@app/domain';
import { ListQuery } from '../http/list.query.js';

export class JobQuery extends ListQuery {
  /** Only jobs of this channel. A key that may manage one channel only must say which. */
  @ValidateIf(({ channel, consumer }: JobQuery) => channel !== undefined || consumer !== undefined)
  @Matches(/^[A-Za-z0-9._-]{1,100}$/, { message: 'channel must be the name of a channel, and is needed with consumer' })
  channel?: string;

  /** Only jobs of this consumer of `channel`. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,100}$/, { message: 'consumer must be the name of a consumer' })
  consumer?: string;

  @IsOptional()
  @IsIn(jobStates)
  state?: JobState;
}
