import { ApiProperty } from '@nestjs/swagger';
import type { Consumer } from '@app/storage';
import { retrySchema } from '../http/retry.view.js';

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
  @ApiProperty({ oneOf: [{ type: 'object', additionalProperties: { type: 'string' } }] })
  headers!: Record<string, string>;
  ordering!: 'none';
  /** Paused: deliveries are held until resume. */
  paused!: boolean;
  /** Disabled: deliveries are held until the consumer is put with `disabled: false`. */
  disabled!: boolean;
  /** `operator`, or `gone` when the target answered 410. */
  disabledReason!: string | null;
  /** Counts changes; also the ETag. */
  version!: number;
  createdAt!: Date;
  updatedAt!: Date;
}

export class SecretView {
  /**
   * The key of the `webhook-signature` (Standard Webhooks), shown this once.
   * @example "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
   */
  signingSecret!: string;
}

export class NewConsumerView extends ConsumerView {
  /**
   * The key of the `webhook-signature` (Standard Webhooks), shown this once.
   * @example "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
   */
  signingSecret!: string;
}

export class ConsumerList {
  items!: ConsumerView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewConsumer = (channel: string, row: Consumer): ConsumerView => ({
  channel,
  name: row.name,
  type: row.type,
  url: row.url,
  description: row.description,
  timeoutMs: row.timeoutMs,
  maxInFlight: row.maxInFlight,
  retry: row.retry,
  headers: row.headers ?? {},
  ordering: 'none',
  paused: row.pausedAt !== null,
  disabled: row.disabledAt !== null,
  disabledReason: row.disabledReason,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});
