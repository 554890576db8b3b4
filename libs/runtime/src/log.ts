import { types } from 'node:util';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { GatheredLines } from './gathered-lines.js';

/** JSON lines: `level`, `time` (ISO 8601), `process`, `pid`, `msg` and the fields of the call. */
export type Log = Logger;

const SECRET_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie']);
const MAX_DEPTH = 3;
const MAX_CAUSES = 3;

/**
 * A logger of one process. It writes to stdout without blocking, at most 100 ms late, and what waits is written when the process exits. Credentials in
 * headers are redacted, and of an error only class, message, code, stack and causes are logged: drivers hang statements with their
 * values on errors, and payloads must never reach a log.
 */
export function createLog(name: string, level: string, to: DestinationStream = new GatheredLines()): Log {
  return pino(
    {
      level,
      base: { process: name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redacted(fields, 1) },
      serializers: { err: (error: unknown) => describeError(error), error: (error: unknown) => describeError(error) },
    },
    to,
  );
}

type ErrorLine = { type: string; message: string; code?: string; stack?: string; cause?: unknown };

function describeError(error: unknown, depth = 0): unknown {
  if (!types.isNativeError(error)) return error;
  const line: ErrorLine = { type: error.constructor.name, message: error.message, stack: error.stack };
  if ('code' in error && typeof error.code === 'string') line.code = error.code;
  if (error.cause !== undefined && depth < MAX_CAUSES) line.cause = describeError(error.cause, depth + 1);
  return line;
}

/** pino's own redaction copies every line by its paths: 9 % of a dispatcher's CPU, for lines that hold no header (docs/decisions/0012). */
function redacted(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    if (SECRET_HEADERS.has(name.toLowerCase())) (copy ??= { ...fields })[name] = '[Redacted]';
    else if (isPlain(value) && depth < MAX_DEPTH) (copy ??= { ...fields })[name] = redacted(value, depth + 1);
  }
  return copy ?? fields;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
