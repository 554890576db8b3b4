import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsInt, IsNumber, IsOptional, Matches, Max, Min } from 'class-validator';
import { JOB_RATE } from '@app/domain';
import { DeadLetterConditions } from './dead-letter-conditions.js';

export class DeadLetterBody extends DeadLetterConditions {
  /** Only these messages: 1 to 500 ids. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @Matches(/^[1-9]\d{0,19}$/, { each: true, message: 'messages must be message ids' })
  messages?: string[] | null;

  /** Only counts what would be done. */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean | null;

  /** At most so many, oldest message first; at most 100000. Default 10000; of a job, all. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  limit?: number | null;

  /** Makes a job of it and answers 202 at once. */
  @IsOptional()
  @IsBoolean()
  async?: boolean | null;

  /** Deliveries a second, at most; makes a job of it. */
  @IsOptional()
  @IsNumber()
  @Min(JOB_RATE.min)
  @Max(JOB_RATE.max)
  ratePerSecond?: number | null;
}
