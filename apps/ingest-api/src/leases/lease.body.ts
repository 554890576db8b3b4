import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** Longest wait for a first delivery. */
export const MAX_WAIT_MS = 60_000;

export class LeaseBody {
  /**
   * At most so many deliveries; default 1, at most 500. The answer also ends before its payloads are larger than the operator's POLL_ANSWER_BYTES in all
   * (4 MiB unless configured), but has at least one.
   * @example 10
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(500)
  max?: number | null;

  /**
   * How long to wait for the first delivery when there is none, in milliseconds; default 0, at most 60000.
   * @example 20000
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_WAIT_MS)
  waitMs?: number | null;

  /**
   * How long the deliveries are yours, in milliseconds; default 30000, from 1000 to 43200000 (12 hours). Settle or extend before it is over.
   * @example 30000
   */
  @IsOptional()
  @IsInt()
  @Min(1_000)
  @Max(43_200_000)
  leaseMs?: number | null;
}
