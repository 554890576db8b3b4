import { ApiProperty } from '@nestjs/swagger';
import { ProblemView } from '../http/problem.view.js';

/** One message of a batch. */
export class BatchItem {
  /**
   * Any JSON value: its text, as written in the request, is the payload, with the content type `application/json` unless another kind of JSON is named. With a
   * `contentType` that is not JSON it must be text, whose UTF-8 bytes are the payload.
   */
  @ApiProperty({ type: Object, required: false })
  payload?: unknown;
  /** In place of `payload`: any bytes, as base64 with padding. */
  payloadBase64?: string;
  @ApiProperty({ required: false, pattern: '^[\\x20-\\x7e]{1,255}$', example: 'text/plain' })
  contentType?: string;
  /** Makes repeats harmless, as the header `Idempotency-Key` does. */
  @ApiProperty({ required: false, pattern: '^[\\x21-\\x7e]{1,255}$', example: 'order-1001-paid' })
  idempotencyKey?: string;
  /** 0–9, 9 first; 0 unless said. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0, maximum: 9 })
  priority?: number;
  /** When it shall leave, at most 366 days ahead. */
  deliverAt?: Date;
  /** In place of it: in how many seconds it shall leave. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0, maximum: 31_622_400 })
  delaySeconds?: number;
  /** The ordering key. */
  @ApiProperty({ required: false, pattern: '^[\\x21-\\x7e]{1,200}$', example: 'order-1001' })
  key?: string;
  /** Event type. */
  @ApiProperty({ required: false, pattern: '^[A-Za-z0-9._:/-]{1,200}$', example: 'order.paid' })
  type?: string;
  /** Passed on to consumers. */
  headers?: Record<string, string>;
}

/** What became of one item: `id`, `status`, `deliveries`, `deliverAt` and `warning` as for a single message, or `problem`. */
export class BatchResultView {
  id?: string;
  status?: 'acknowledged' | 'out-for-delivery' | 'scheduled' | 'cancelled';
  deliveries?: number;
  /** When it leaves, or left. Only if it is, or was, scheduled. */
  deliverAt?: Date;
  /** Nobody gets it: the channel has no consumer, or none whose filter lets it through. Left out otherwise. */
  warning?: 'no-consumers' | 'no-consumer-matches';
  /** Why it was not stored. Only with `atomic=false`. */
  problem?: ProblemView;
}

export class BatchView {
  /** One for each item, in their order. */
  results!: BatchResultView[];
}
