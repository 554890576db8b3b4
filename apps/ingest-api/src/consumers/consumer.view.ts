import { ApiProperty } from '@nestjs/swagger';
import { MASK, overlapUntil, STANDARD_SIGNATURE } from '@app/domain';
import type { Consumer } from '@app/storage';
import { retrySchema } from '../http/retry.view.js';
import { authSchema, tlsSchema } from './credentials.view.js';
import type { ShownCredentials } from './credentials.js';
import { autoRedriveSchema } from './auto-redrive.view.js';
import { batchSchema } from './batch.view.js';
import { breakerSchema, BreakerStateView, viewBreakerState } from './breaker.view.js';
import { filterSchema } from './filter.view.js';
import { rateLimitSchema, resumingSchema } from './rate-limit.view.js';
import { signatureSchema } from './signature.view.js';

export class ConsumerView {
  channel!: string;
  name!: string;
  type!: 'push' | 'pull';
  url!: string | null;
  description!: string;
  timeoutMs!: number | null;
  maxInFlight!: number | null;
  @ApiProperty(retrySchema)
  retry!: object | null;
  /** Values of headers that authorize, such as `authorization` or `x-api-key`, are masked: `***`. */
  @ApiProperty({
    oneOf: [{ type: 'object', additionalProperties: { type: 'string' } }],
    example: { 'x-team': 'billing', 'x-api-key': MASK },
  })
  headers!: Record<string, string>;
  @ApiProperty(authSchema)
  auth!: object | null;
  @ApiProperty(tlsSchema)
  tls!: object | null;
  @ApiProperty(signatureSchema)
  signature!: object;
  /**
   * With the signature scheme `v1a`: what receivers verify with.
   * @example "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
   */
  publicKey!: string | null;
  /** Until when a replaced signing secret signs as well; null: only the present one does. */
  overlapUntil!: Date | null;
  @ApiProperty(filterSchema)
  filter!: object | null;
  @ApiProperty(batchSchema)
  batch!: object | null;
  @ApiProperty(rateLimitSchema)
  rateLimit!: object | null;
  @ApiProperty(resumingSchema)
  resuming!: object | null;
  @ApiProperty(breakerSchema)
  breaker!: object | false | null;
  /** How the breaker is; anybody may close it with resume, or by putting the consumer anew. */
  breakerState!: BreakerStateView;
  /**
   * After so many seconds of nothing but failures the consumer is disabled; 0: never; null: as the channel says, or else the operator's DISABLE_AFTER_SECONDS.
   * @example null
   */
  disableAfterSeconds!: number | null;
  /** Since when it has had nothing but failures; null: its last attempts did not all fail. */
  failingSince!: Date | null;
  @ApiProperty(autoRedriveSchema)
  autoRedrive!: object | null;
  ordering!: 'none' | 'key';
  /** With the ordering `key`: whether a dead letter holds those behind it in its key. */
  orderingExhausted!: 'block' | 'dead-letter';
  /** Paused: deliveries are held until resume. */
  paused!: boolean;
  /** Disabled: deliveries are held until the consumer is put with `disabled: false`. */
  disabled!: boolean;
  /** `operator`; `gone` when the target answered 410; `failing` after nothing but failures for too long. */
  disabledReason!: string | null;
  /**
   * The target answered 429 or 503: nothing is sent before this time, unless the consumer is resumed or put anew. null: it may be sent to.
   * @example null
   */
  heldUntil!: Date | null;
  /** Counts changes; also the ETag. */
  version!: number;
  createdAt!: Date;
  updatedAt!: Date;
}

export class SecretView {
  /**
   * The secret that signs from now on, shown this once; null with the scheme `v1a`: receivers need the public key alone.
   * @example "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
   */
  signingSecret!: string | null;
  /** With the signature scheme `v1a`: what receivers verify with. */
  publicKey!: string | null;
  /** Until when the replaced secret signs as well; null: it does not. */
  overlapUntil!: Date | null;
}

export class NewConsumerView extends ConsumerView {
  /**
   * The secret that signs, shown this once. Not there with the scheme `v1a`: receivers need the public key alone.
   * @example "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
   */
  signingSecret?: string;
  /** The job that sends it the past messages that `startFrom` asked for; not there when there are none. */
  historyJob?: string;
}

export class ConsumerList {
  items!: ConsumerView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewConsumer = (channel: string, row: Consumer, { headers, auth, tls }: ShownCredentials): ConsumerView => ({
  channel,
  name: row.name,
  type: row.type,
  url: row.url,
  description: row.description,
  timeoutMs: row.timeoutMs,
  maxInFlight: row.maxInFlight,
  retry: row.retry,
  headers,
  auth,
  tls,
  signature: row.signature ?? STANDARD_SIGNATURE,
  publicKey: row.publicKey,
  overlapUntil: overlapUntil(row.formerSecrets ?? [], Date.now()),
  filter: row.filter,
  batch: row.batch,
  rateLimit: row.rateLimit,
  resuming: row.resumeRate === null ? null : { ratePerSecond: row.resumeRate, since: row.resumedAt },
  breaker: row.breaker,
  breakerState: viewBreakerState(row),
  disableAfterSeconds: row.disableAfterSeconds,
  failingSince: row.failingSince,
  autoRedrive: row.autoRedrive,
  ordering: row.ordering,
  orderingExhausted: row.orderingExhausted,
  paused: row.pausedAt !== null,
  disabled: row.disabledAt !== null,
  disabledReason: row.disabledReason,
  heldUntil: row.holdUntil !== null && row.holdUntil.getTime() > Date.now() ? row.holdUntil : null,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});
