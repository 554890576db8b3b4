import type { DeliveryStatus } from '@app/domain';
import type { DeliveryRow } from '@app/storage';

export class DeliveryView {
  /** The message's id. */
  message!: string;
  consumer!: string;
  status!: 'queued' | 'in-flight' | 'retry-delivery' | 'retry-in-flight' | 'delivered' | 'dead';
  /** Attempts made. */
  attempts!: number;
  nextAttemptAt!: Date | null;
  /** The status code of the last attempt that was answered. */
  httpCode!: number | null;
  /** The class of the last failure, such as `timeout` or `http-status`. */
  lastError!: string | null;
  updatedAt!: Date;
  /** How often it was replayed. */
  replays!: number;
  /** The job that sent it again last, as a redrive or a replay: its attempts since then. Null when nothing did, or a redrive within a request. */
  job!: string | null;
}

export class DeliveryList {
  items!: DeliveryView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewDelivery = (row: DeliveryRow): DeliveryView => ({
  message: row.messageId,
  consumer: row.consumer,
  status: row.status satisfies DeliveryStatus,
  attempts: row.attempts,
  nextAttemptAt: row.nextAttemptAt,
  httpCode: row.httpCode,
  lastError: row.errorClass,
  updatedAt: row.updatedAt,
  replays: row.replays,
  job: row.job,
});
