import { types } from 'node:util';
import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino';

/** JSON lines: `level`, `time` (ISO 8601), `process`, `pid`, `msg` and the fields of the call. */
export type Log = Logger;

const SECRET_HEADERS = ['authorization', '["proxy-authorization"]', 'cookie'];
const MAX_CAUSES = 3;

/**
 * A logger of one process. It writes to stdout without blocking, and what is buffered is written when the process exits. Credentials in
 * headers are redacted, and of an error only class, message, code, stack and causes are logged: drivers hang statements with their
 * values on errors, and payloads must never reach a log.
 */
export function createLog(name: string, level: string, to: DestinationStream = destination({ dest: 1, sync: false })): Log {
  return pino(
    {
      level,
      base: { process: name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error), error: (error: unknown) => describeError(error) },
      redact: {
        paths: SECRET_HEADERS.flatMap((header) => [header, join('*', header), join('headers', header), join('*.headers', header)]),
      },
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

const join = (path: string, header: string): string => (header.startsWith('[') ? path + header : `${path}.${header}`);
