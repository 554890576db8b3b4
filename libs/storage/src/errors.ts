import { QueryFailedError } from 'typeorm';

/** Deadlock, lock wait, certification and "record changed": the whole transaction is run again (MySQL and MariaDB error numbers). */
const RETRYABLE = new Set([1213, 1205, 1180, 3101, 1020]);

/** The server or the way to it is gone; whether the last statement took effect is unknown. */
const LOST_CODES = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'PROTOCOL_ENQUEUE_AFTER_QUIT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENOENT',
]);
const LOST_NUMBERS = new Set([1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1290, 1836, 1927, 3032, 3169, 4031]);

export interface DriverError {
  errno?: number;
  code?: string;
  fatal?: boolean;
}

/** The driver's own error inside whatever TypeORM wrapped it in. */
export function driverError(error: unknown): DriverError {
  const inner: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return typeof inner === 'object' && inner !== null ? inner : {};
}

export const isRetryable = (error: unknown): boolean => RETRYABLE.has(driverError(error).errno ?? 0);

/** True when the database could not be reached, is shutting down, is read-only or the connection broke. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof CommitUnknownError) return true;
  const { code, errno, fatal } = driverError(error);
  return fatal === true || LOST_CODES.has(code ?? '') || LOST_NUMBERS.has(errno ?? 0);
}

export const isDuplicateKey = (error: unknown): boolean => driverError(error).errno === 1062;

/**
 * What the database answered, without the statement and its values: the driver's own errors carry both, and with them payloads and
 * secrets, into whatever prints them.
 */
export class DatabaseError extends Error implements DriverError {
  readonly errno?: number;
  readonly code?: string;
  readonly fatal?: boolean;

  constructor(error: unknown) {
    const { errno, code, fatal } = driverError(error);
    super(error instanceof Error ? error.message : String(error));
    this.name = 'DatabaseError';
    Object.assign(this, { errno, code, fatal });
  }
}

/** The connection broke after COMMIT was sent: the transaction may or may not have taken effect. */
export class CommitUnknownError extends Error {
  constructor(transaction: string, cause: unknown) {
    super(`The answer to COMMIT of ${transaction} was lost`, { cause });
    this.name = 'CommitUnknownError';
  }
}
