import type { MessageStatus } from '@app/domain';
import type { MessageRow } from '@app/storage';
import { DeliveryView } from '../deliveries/delivery.view.js';

export class MessageSummaryView {
  id!: string;
  channel!: string;
  status!: 'acknowledged' | 'out-for-delivery' | 'scheduled' | 'cancelled';
  /** 0–9, 9 first. */
  priority!: number;
  type!: string | null;
  /** The ordering key. */
  key!: string | null;
  contentType!: string | null;
  /** Bytes of the payload. */
  size!: number;
  createdAt!: Date;
  /** When it leaves, or left, if it was scheduled. */
  deliverAt!: Date | null;
}

export class MessageView extends MessageSummaryView {
  /** By the age of the consumer, the oldest first; with their attempts under `…/deliveries/{consumer}`. */
  deliveries!: DeliveryView[];
  /** Of the next page of deliveries; null at the end. */
  cursor!: string | null;
}

export class MessageList {
  items!: MessageSummaryView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const summarizeMessage = (channel: string, row: MessageRow): MessageSummaryView => ({
  id: row.id,
  channel,
  status: row.status satisfies MessageStatus,
  priority: row.priority,
  type: row.type,
  key: row.orderingKey,
  contentType: row.contentType,
  size: row.size,
  createdAt: row.createdAt,
  deliverAt: row.deliverAt,
});
