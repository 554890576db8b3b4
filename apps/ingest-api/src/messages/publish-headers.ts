import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type FieldProblem, Problem, judgeHeaders } from '@app/domain';
import type { NewMessage } from '@app/storage';

const PASSED_ON = 'posthorn-header-';
const MAX_KEY = 255;
const VISIBLE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
const TYPE = /^[A-Za-z0-9._:/-]{1,200}$/;
const CONTENT_TYPE = /^[\x20-\x7e]{1,255}$/;
/** W3C Trace Context, version 00; anything else is ignored, as the specification asks. */
const TRACE_PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export type PublishHeaders = Pick<NewMessage, 'priority' | 'type' | 'orderingKey' | 'contentType' | 'headers' | 'traceParent'> & {
  idempotencyKey: string | undefined;
};

/** Reads what a producer says about a message beside its payload. Throws one Problem that names every header that is wrong, with its limit. */
export function readPublishHeaders(headers: IncomingHttpHeaders): PublishHeaders {
  const problems: FieldProblem[] = [];
  const text = (name: string, ok: (value: string) => boolean, message: string): string | undefined => {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && ok(value)) return value;
    problems.push({ field: name, message });
    return undefined;
  };
  const later = (name: string): void => {
    if (headers[name.toLowerCase()] !== undefined)
      problems.push({ field: name, message: 'is not supported by this version: messages leave at once' });
  };
  later('Posthorn-Deliver-At');
  later('Posthorn-Delay');
  const read = {
    idempotencyKey: text(
      'Idempotency-Key',
      (v) => v.length <= MAX_KEY && VISIBLE.test(v),
      `must be 1 to ${MAX_KEY} visible ASCII characters`,
    ),
    priority: Number(text('Posthorn-Priority', (v) => /^[0-9]$/.test(v), 'must be a whole number from 0 to 9') ?? 0),
    type: text('Posthorn-Type', (v) => TYPE.test(v), 'must be 1 to 200 of A-Z a-z 0-9 . _ : / -') ?? null,
    orderingKey: text('Posthorn-Key', (v) => v.length <= 200 && VISIBLE.test(v), 'must be 1 to 200 visible ASCII characters') ?? null,
    contentType: text('Content-Type', (v) => CONTENT_TYPE.test(v), 'must be at most 255 visible ASCII characters') ?? null,
    headers: passedOn(headers, problems),
    traceParent: typeof headers['traceparent'] === 'string' && TRACE_PARENT.test(headers['traceparent']) ? headers['traceparent'] : null,
  };
  if (problems.length > 0) throw Problem.invalid(problems);
  return read;
}

function passedOn(headers: IncomingHttpHeaders, problems: FieldProblem[]): string | null {
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    if (!name.startsWith(PASSED_ON)) continue;
    const value = headers[name];
    (found ??= {})[name.slice(PASSED_ON.length)] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  if (!found) return null;
  for (const { field, message } of judgeHeaders(found))
    problems.push({ field: `Posthorn-Header-${field.replace(/^headers\.?/, '')}`, message });
  return JSON.stringify(found);
}

/** First 16 bytes of SHA-256: 64 bits against collisions among four billion keys of a channel. */
export const shortHash = (data: string | Buffer): Buffer => hash('sha256', data, 'buffer').subarray(0, 16);
