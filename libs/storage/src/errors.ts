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
  'ENETUNREACH',
  'ENOENT',
]);
/** Shutting down, killed, too many connections, offline; 1047 and 3100: a member of a cluster that is not part of it now. */
const LOST_NUMBERS = new Set([1040, 1047, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 3032, 3100, 3169, 4031]);

/** `read_only`, `super_read_only`, `transaction_read_only`, `innodb_read_only`: a replica, or a primary that was demoted. */
const READ_ONLY_NUMBERS = new Set([1036, 1290, 1792, 1836]);

/** No space for data, temporary files or the binary log. 1030 carries the number of the operating system: 28. */
const FULL_NUMBERS = new Set([3, 20, 1021, 1026, 1114, 1534, 1598]);
const NO_SPACE = /\b28\b/;

/** The server ended a statement that took too long, or somebody killed it (MySQL and MariaDB error numbers). */
const CUT_SHORT_NUMBERS = new Set([1317, 1969, 3024]);

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

/** True when the connection broke, was given up, or could not be made: nothing can be said on it any more. */
export function isLost(error: unknown): boolean {
  const { code, errno, fatal } = driverError(error);
  return error instanceof NoConnectionError || fatal === true || LOST_CODES.has(code ?? '') || LOST_NUMBERS.has(errno ?? 0);
}

/** True when the server takes no writes from anybody: another one may be the primary now. */
export const isReadOnly = (error: unknown): boolean => READ_ONLY_NUMBERS.has(driverError(error).errno ?? 0);

/** True when the server is there and will not write: it is read-only, or its disk is full. */
export function refusesWrites(error: unknown): boolean {
  const { errno } = driverError(error);
  const full = FULL_NUMBERS.has(errno ?? 0) || (errno === 1030 && error instanceof Error && NO_SPACE.test(error.message));
  return full || isReadOnly(error);
}

/** True when the database could not be reached, did not answer in time, is shutting down, will not write, or had no connection to spare. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof CommitUnknownError || error instanceof DatabaseBusyError || isLost(error) || refusesWrites(error);

/** True when the database is there and had no time for this: no free connection, a lock that was held too long, a statement that took too long. */
export const isBusy = (error: unknown): boolean =>
  error instanceof DatabaseBusyError || isRetryable(error) || CUT_SHORT_NUMBERS.has(driverError(error).errno ?? 0);

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

/** No connection could be made; `errno` and `code` say why. */
export class NoConnectionError extends DatabaseError {
  constructor(cause: unknown) {
    super(cause);
    this.name = 'NoConnectionError';
    this.message = `no connection to the database: ${this.message || this.code || 'unknown reason'}`;
  }
}

/** All connections of this process stayed busy, or too many wait for one. */
export class DatabaseBusyError extends DatabaseError {
  constructor(problem: string) {
    super(new Error(`all connections to the database are in use: ${problem}`));
    this.name = 'DatabaseBusyError';
  }
}

/** The connection broke after COMMIT was sent: the transaction may or may not have taken effect. */
export class CommitUnknownError extends Error {
  constructor(transaction: string, cause: unknown) {
    super(`The answer to COMMIT of ${transaction} was lost`, { cause });
    this.name = 'CommitUnknownError';
  }
}
