import { type FieldProblem, Problem } from '@app/domain';
import { isJsonType, parseText } from '../http/bodies.js';
import { type BatchMessage, type ItemContext, readItem } from './batch-item.js';
import { elementsOf, memberOf } from './json-slices.js';

export class BatchLimits {
  constructor(
    /** Items of a batch. */
    readonly maxItems: number,
    /** Bytes of one payload. */
    readonly maxBodyBytes: number,
  ) {}
}

/** What an item says, or why it cannot be stored. */
export type ReadItem = BatchMessage | Problem;

const LINES = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)$/i;
/** Named in `detail`; all are in `errors`. */
const NAMED = 10;

/**
 * Reads a batch: a JSON array, or with the content type `application/x-ndjson` a JSON object a line, of which empty ones do not count. Throws Problem
 * `malformed-json` for an array that is not JSON, `unsupported-media-type`, and `validation-failed` for none or too many items; what is wrong with one item is
 * for the caller to weigh.
 */
export function readBatch(body: Buffer, contentType: string | undefined, limits: BatchLimits, traceParent: string | null): ReadItem[] {
  const type = (contentType ?? 'application/json').split(';', 1)[0]!.trim();
  const isLines = LINES.test(type);
  if (!isLines && !isJsonType(type)) {
    throw new Problem('unsupported-media-type', 'send a batch as application/json or application/x-ndjson');
  }
  const text = parseText(body);
  const context = { traceParent, maxBodyBytes: limits.maxBodyBytes, nowMs: Date.now() };
  if (isLines) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    demandCount(lines.length, limits);
    return lines.map((line, index) => readLine(line, { ...context, field: `items.${index}` }));
  }
  const items = parsed(text);
  if (!Array.isArray(items)) throw Problem.invalid([{ field: 'body', message: 'must be a JSON array' }]);
  demandCount(items.length, limits);
  const written = elementsOf(text);
  return items.map((item: unknown, index) => readWritten(item, written[index]!, { ...context, field: `items.${index}` }));
}

type LineContext = Omit<ItemContext, 'payloadText'>;

function readLine(line: string, context: LineContext): ReadItem {
  try {
    return readWritten(parsed(line), line, context);
  } catch (error) {
    if (error instanceof Problem) return new Problem('malformed-json', `${context.field} is not JSON`, { field: context.field });
    throw error;
  }
}

function readWritten(item: unknown, written: string, context: LineContext): ReadItem {
  const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
  const read = readItem(item, { ...context, payloadText: isObject ? memberOf(written, 'payload') : undefined });
  return Array.isArray(read) ? invalid(read) : read;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('malformed-json', undefined, { cause: error });
  }
}

function demandCount(count: number, { maxItems }: BatchLimits): void {
  if (count < 1 || count > maxItems) throw Problem.invalid([{ field: 'items', message: `must be 1 to ${maxItems}; there are ${count}` }]);
}

/** As `Problem.invalid`, without repeating thousands of errors in `detail`. */
export function invalid(errors: readonly FieldProblem[]): Problem {
  if (errors.length <= NAMED) return Problem.invalid(errors);
  const named = errors.slice(0, NAMED).map(({ field, message }) => `${field} ${message}`);
  return new Problem('validation-failed', `${named.join('; ')}; and ${errors.length - NAMED} more`, { errors });
}
