import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { DISABLE_AFTER_LIMITS, EXHAUSTED, type Exhausted, type Ordering, ORDERINGS } from '@app/domain';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { retrySchema } from '../http/retry.view.js';
import { authSchema, tlsSchema } from './credentials.view.js';
import { autoRedriveWish } from './auto-redrive.view.js';
import { batchSchema } from './batch.view.js';
import { breakerSchema, disableAfterSchema } from './breaker.view.js';
import { filterSchema } from './filter.view.js';
import { rateLimitSchema } from './rate-limit.view.js';
import { signatureSchema } from './signature.view.js';

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

  /** What one attempt may take in total, in milliseconds. Default: the operator's DELIVERY_TIMEOUT_MS. Push only. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(120_000)
  timeoutMs?: number | null;

  /** Deliveries in flight at a time, over all dispatchers. Default: the operator's MAX_IN_FLIGHT_PER_CONSUMER. Push only. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  maxInFlight?: number | null;

  /** How failed deliveries are tried again. */
  @IsOptional()
  @ApiProperty({ ...retrySchema, required: false })
  retry?: object | null;

  /** Static headers of every delivery: at most 32. Push only. Sealed when they are stored; a masked value (`***`) keeps the one that is stored. */
  @IsOptional()
  @ApiPropertyOptional({
    oneOf: [{ type: 'object', additionalProperties: { type: 'string' } }],
    example: { 'x-team': 'billing' },
  })
  headers?: Record<string, string> | null;

  /** How deliveries authorize themselves, beside their signature. A masked secret (`***`) keeps the one that is stored. */
  @IsOptional()
  @ApiProperty({ ...authSchema, required: false })
  auth?: object | null;

  /** For the TLS connections to `url`. */
  @IsOptional()
  @ApiProperty({ ...tlsSchema, required: false })
  tls?: object | null;

  /** How deliveries are signed. */
  @IsOptional()
  @ApiProperty({ ...signatureSchema, required: false })
  signature?: object | null;

  /**
   * The consumer's own signing secret: `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and base64 of an Ed25519 key with the scheme `v1a`. Left out: a new
   * consumer gets one, and that of an existing consumer stays. Another one than the present replaces it, and both sign for 24 hours.
   */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  signingSecret?: string | null;

  /** Holds the consumer's deliveries until it is put with `false` again. Default false. */
  @IsOptional()
  @IsBoolean()
  disabled?: boolean | null;

  /**
   * `key`: messages with the same `Posthorn-Key` are delivered one after another, in the order in which they were published; those without a key, and
   * different keys, in any order. `none`: all in any order. Default `none`.
   */
  @IsOptional()
  @IsIn(ORDERINGS)
  ordering?: Ordering | null;

  /**
   * With the ordering `key`, what becomes of a key whose first message is dead. `block`: the others of the key wait until it is redriven or discarded.
   * `dead-letter`: the next one goes. Default `block`.
   */
  @IsOptional()
  @IsIn(EXHAUSTED)
  orderingExhausted?: Exhausted | null;

  /** How fast it may be posted to. Left out: as fast as it answers. Push only. */
  @IsOptional()
  @ApiProperty({ ...rateLimitSchema, required: false })
  rateLimit?: object | null;

  /** Which messages of the channel it gets: those that match every part. Left out: all. */
  @IsOptional()
  @ApiProperty({ ...filterSchema, required: false })
  filter?: object | null;

  /** Messages go together in one POST. Left out: each in one of its own. Push only. */
  @IsOptional()
  @ApiProperty({ ...batchSchema, required: false })
  batch?: object | null;

  /** Whether what died while it failed is redriven when it is well again. */
  @IsOptional()
  @ApiProperty({ ...autoRedriveWish, required: false })
  autoRedrive?: boolean | object | null;

  /**
   * With which message a new consumer begins: `now` (default) with the next one; `earliest` or a time (RFC 3339) with past ones of the channel that are kept,
   * which a job sends. Only the first PUT looks at it.
   * @example "earliest"
   */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  startFrom?: string | null;

  /** When it is left alone for a while. Left out: the default; false: never. Push only. */
  @IsOptional()
  @ApiProperty({ ...breakerSchema, required: false })
  breaker?: unknown;

  /** After so many seconds of nothing but failures it is disabled; 0: never. Left out: as the channel says, or else the operator's DISABLE_AFTER_SECONDS. Push only. */
  @IsOptional()
  @ApiProperty({ ...disableAfterSchema, required: false })
  @IsInt()
  @Min(DISABLE_AFTER_LIMITS[0])
  @Max(DISABLE_AFTER_LIMITS[1])
  disableAfterSeconds?: number | null;
}
