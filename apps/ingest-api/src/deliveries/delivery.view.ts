import type { DeliveryStatus } from '@app/domain';
import type { AttemptRow, DeliveryRow } from '@app/storage';

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
}

export class AttemptView {
  /** 1, 2, … */
  number!: number;
  startedAt!: Date;
  durationMs!: number;
  httpCode!: number | null;
  /** null: it succeeded. */
  errorClass!: string | null;
  nextAttemptAt!: Date | null;
  /** The beginning of the response body, up to 4096 bytes, as text; or the reason that a pull consumer gave. Bytes that are not UTF-8 are shown as U+FFFD. */
  response!: string | null;
}

export class DeliveryWithAttemptsView extends DeliveryView {
  /** First to last. */
  attemptLog!: AttemptView[];
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
});

export const viewAttempt = ({ responseBody, ...row }: AttemptRow): AttemptView => ({
  number: row.number,
  startedAt: row.startedAt,
  durationMs: row.durationMs,
  httpCode: row.httpCode,
  errorClass: row.errorClass,
  nextAttemptAt: row.nextAttemptAt,
  response: responseBody === null ? null : responseBody.toString('utf8'),
});
