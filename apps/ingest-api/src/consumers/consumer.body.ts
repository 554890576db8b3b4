import { ApiHideProperty, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { NotInThisVersion } from '../http/not-in-this-version.js';
import { retrySchema } from '../http/retry.view.js';

export class ConsumerBody {
  /** `push`: we POST to `url`; `pull`: it leases from us. Default `push`. */
  @IsOptional()
  @IsIn(['push', 'pull'])
  type?: 'push' | 'pull' | null;

  /**
   * Where messages are posted: needed for `push`, refused for `pull`. https, unless the operator allows http.
   * @example "https://example.com/hooks/orders"
   */
  @IsOptional()
  @IsString()
  url?: string | null;

  /** For people. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  /** What one attempt may take in total, in milliseconds. Default: the operator's DELIVERY_TIMEOUT_MS. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(120_000)
  timeoutMs?: number | null;

  /** Deliveries in flight at a time. Default: the operator's MAX_IN_FLIGHT_PER_CONSUMER. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  maxInFlight?: number | null;

  /** How failed deliveries are tried again. */
  @IsOptional()
  @ApiProperty({ ...retrySchema, required: false })
  retry?: object | null;

  /** Static headers of every delivery: at most 32. */
  @IsOptional()
  @ApiPropertyOptional({
    oneOf: [{ type: 'object', additionalProperties: { type: 'string' } }],
    example: { 'x-team': 'billing' },
  })
  headers?: Record<string, string> | null;

  /** Holds the consumer's deliveries until it is put with `false` again. Default false. */
  @IsOptional()
  @IsBoolean()
  disabled?: boolean | null;

  /** Default `none`. */
  @IsOptional()
  @IsIn(['none'], { message: 'ordering must be "none": other orderings are not supported by this version of Posthorn' })
  ordering?: 'none' | null;

  @ApiHideProperty()
  @NotInThisVersion()
  rateLimit?: unknown;

  @ApiHideProperty()
  @NotInThisVersion()
  filter?: unknown;

  @ApiHideProperty()
  @NotInThisVersion()
  batch?: unknown;

  @ApiHideProperty()
  @NotInThisVersion()
  auth?: unknown;
}
