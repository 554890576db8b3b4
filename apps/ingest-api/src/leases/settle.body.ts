import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { type FieldProblem, type LeaseOutcome, leaseOutcomes } from '@app/domain';

export class LeaseResultBody {
  /** @example "AQAAAAcJBQ1wB0cAEAAFDXAHRwAQAAABwWi2oqJ3cl4" */
  @IsString()
  @MaxLength(200)
  receipt!: string;

  /** `ack`: done. `nack`: try again later. `dead`: never try again; it becomes a dead letter. */
  @IsIn(leaseOutcomes)
  outcome!: LeaseOutcome;

  /** With `nack`: try again after so many milliseconds, instead of what the retry policy says; at most 604800000 (7 days). */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(604_800_000)
  delayMs?: number | null;

  /**
   * With `nack` and `dead`: why, in your words. Kept with the attempt, at most 500 characters.
   * @example "the order is not known yet"
   */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

export class SettleBody {
  /** 1 to 500. */
  @IsDefined()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => LeaseResultBody)
  results!: LeaseResultBody[];
}

/** What each field alone does not show. */
export function resultProblems(results: readonly LeaseResultBody[]): FieldProblem[] {
  return results.flatMap(({ outcome, delayMs, reason }, index) => [
    ...(outcome !== 'nack' && typeof delayMs === 'number' ? [{ field: `results.${index}.delayMs`, message: 'goes with nack only' }] : []),
    ...(outcome === 'ack' && typeof reason === 'string'
      ? [{ field: `results.${index}.reason`, message: 'goes with nack and dead only' }]
      : []),
  ]);
}
