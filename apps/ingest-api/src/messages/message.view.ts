import type { MessageStatus } from '@app/domain';
import type { DeliveryRow, MessageRow } from '@app/storage';
import { DeliveryView, viewDelivery } from '../deliveries/delivery.view.js';

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
}

export class MessageView extends MessageSummaryView {
  /** The first 100, by the age of the consumer; a consumer's own are under `…/deliveries/{consumer}`. */
  deliveries!: DeliveryView[];
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
});

export const viewMessage = (channel: string, row: MessageRow, deliveries: readonly DeliveryRow[]): MessageView =>
  Object.assign(summarizeMessage(channel, row), { deliveries: deliveries.map(viewDelivery) });
