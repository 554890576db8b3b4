import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsNumber,
  IsOptional,
  IsRFC3339,
  IsString,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { JOB_RATE, type ReplayStatus, replayStatuses } from '@app/domain';

export class ReplayBody {
  /** Messages published at or after this time (RFC 3339). Left out: from the first that is kept. */
  @IsOptional()
  @IsRFC3339()
  from?: string | null;

  /** Messages published before this time (RFC 3339). Left out: up to now. */
  @IsOptional()
  @IsRFC3339()
  to?: string | null;

  /** The message's type, exactly. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  type?: string | null;

  /** Only messages that were `delivered` to the consumer, are `dead`, or never were its (`none`). Left out: all. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(3)
  @IsIn(replayStatuses, { each: true })
  statuses?: ReplayStatus[] | null;

  /** Deliveries a second, at most. */
  @IsOptional()
  @IsNumber()
  @Min(JOB_RATE.min)
  @Max(JOB_RATE.max)
  ratePerSecond?: number | null;

  /** Only counts what would be sent. */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean | null;
}

export class ReplayCount {
  /** Deliveries that would be sent now. */
  count!: number;
  /** Deliveries that are on their way to the consumer already. */
  skipped!: number;
  /** There are too many messages to look at; the counts are of the first 10000. */
  atLeast!: boolean;
}
