import { IsNumber, IsOptional, Max, Min } from 'class-validator';
import { RATE_LIMITS } from '@app/domain';

export class ResumeBody {
  /**
   * At most so many requests a second, over all dispatchers, until what waits is worked off: 0.001 to 100000. Left out: as fast as the consumer takes them. Push
   * only.
   * @example 50
   */
  @IsOptional()
  @IsNumber()
  @Min(RATE_LIMITS.perSecond[0])
  @Max(RATE_LIMITS.perSecond[1])
  ratePerSecond?: number | null;
}
