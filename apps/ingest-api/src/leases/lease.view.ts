import { ApiProperty } from '@nestjs/swagger';
import { replayedBy, writeReceipt } from '@app/domain';
import type { Leased } from '@app/storage';
import { viewPayload } from './payload.js';

export const RECEIPT = 'AQAAAAcJBQ1wB0cAEAAFDXAHRwAQAAABwWi2oqJ3cl4';

export class LeasedMessageView {
  id!: string;
  channel!: string;
  /** 0–9, 9 first. */
  priority!: number;
  type!: string | null;
  /** The ordering key. */
  key!: string | null;
  /** @example "application/json" */
  contentType!: string | null;
  /** What the producer sent as `Posthorn-Header-*`, without the prefix. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { 'x-tenant': '42' } })
  headers!: Record<string, string>;
  /** W3C Trace Context of the producer. */
  traceParent!: string | null;
  createdAt!: Date;
  /** Bytes of the payload. */
  size!: number;
  /**
   * The payload, when its content type is `text/*`, `application/json` or `application/*+json`, in UTF-8, and its bytes are. JSON is not parsed: these are
   * the exact bytes as text.
   * @example "{\"order\":1001}"
   */
  payload?: string;
  /** The payload in base64, in every other case. */
  payloadBase64?: string;
}

export class LeaseView {
  /** Proves that the delivery is yours: needed to settle and to extend. Opaque, 43 characters. */
  @ApiProperty({ example: RECEIPT })
  receipt!: string;
  /** When the delivery goes to somebody else, unless it is settled or extended before. */
  expiresAt!: Date;
  /** 1, 2, …: more than 1 when it was leased, or pushed, before. */
  attempt!: number;
  /** The job that sends it again; null: it is no replay. */
  replay!: string | null;
  message!: LeasedMessageView;
}

export class LeaseList {
  /** The highest priority first, within it the longest ready. Empty when there was none. */
  leases!: LeaseView[];
}

export const viewLease = (channel: string, { claim, expiresAt, message, payload }: Leased): LeaseView => ({
  receipt: writeReceipt(claim),
  expiresAt,
  attempt: claim.attempt,
  replay: replayedBy(claim) ?? null,
  message: {
    id: message.id,
    channel,
    priority: message.priority,
    type: message.type,
    key: message.orderingKey,
    contentType: message.contentType,
    headers: headersOf(message.headers),
    traceParent: message.traceParent,
    createdAt: message.createdAt,
    size: message.size,
    ...viewPayload(message.contentType, payload),
  },
});

/** Stored when the message was accepted, from headers that were checked. */
const headersOf = (json: string | null): Record<string, string> => (json === null ? {} : JSON.parse(json));
