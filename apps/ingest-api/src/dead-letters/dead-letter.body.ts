import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsInt, IsOptional, IsRFC3339, Matches, Max, Min } from 'class-validator';
import { type DeadReason, deadReasons } from '@app/domain';

export class DeadLetterBody {
  /** Only these messages: 1 to 500 ids. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @Matches(/^[1-9]\d{0,19}$/, { each: true, message: 'messages must be message ids' })
  messages?: string[] | null;

  /** Died at or after this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  from?: string | null;

  /** Died before this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  to?: string | null;

  @IsOptional()
  @IsIn(deadReasons)
  reason?: DeadReason | null;

  /** Only counts what would be done. */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean | null;

  /** At most so many, oldest message first; default 10000, at most 100000. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  limit?: number | null;
}
