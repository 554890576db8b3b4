import type { IncomingHttpHeaders } from 'node:http';
import { type DueTime, type FieldProblem, Problem, judgeHeaders, readDelay, readDeliverAt } from '@app/domain';
import { ONE_TIME_ONLY, PRIORITY_RULE, textRules, type Told } from './message-rules.js';

const PASSED_ON = 'posthorn-header-';
/** W3C Trace Context, version 00; anything else is ignored, as the specification asks. */
const TRACE_PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Reads what a producer says about a message beside its payload. Throws one Problem that names every header that is wrong, with its limit. */
export function readPublishHeaders(headers: IncomingHttpHeaders): Told {
  const problems: FieldProblem[] = [];
  const text = (name: string, ok: (value: string) => boolean, message: string): string | undefined => {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && ok(value)) return value;
    problems.push({ field: name, message });
    return undefined;
  };
  const ruled = (name: string, { ok, message }: (typeof textRules)[keyof typeof textRules]): string | undefined => text(name, ok, message);
  const read = {
    idempotencyKey: ruled('Idempotency-Key', textRules.idempotencyKey),
    priority: Number(text('Posthorn-Priority', (v) => /^[0-9]$/.test(v), PRIORITY_RULE) ?? 0),
    type: ruled('Posthorn-Type', textRules.type) ?? null,
    orderingKey: ruled('Posthorn-Key', textRules.orderingKey) ?? null,
    contentType: ruled('Content-Type', textRules.contentType) ?? null,
    headers: passedOn(headers, problems),
    traceParent: traceParentOf(headers),
    due: dueTime(headers, problems),
  };
  if (problems.length > 0) throw Problem.invalid(problems);
  return read;
}

export function traceParentOf({ traceparent }: IncomingHttpHeaders): string | null {
  return typeof traceparent === 'string' && TRACE_PARENT.test(traceparent) ? traceparent : null;
}

function dueTime(headers: IncomingHttpHeaders, problems: FieldProblem[]): DueTime | undefined {
  const [at, delay] = [headers['posthorn-deliver-at'], headers['posthorn-delay']];
  if (at === undefined && delay === undefined) return undefined;
  if (at !== undefined && delay !== undefined) {
    problems.push({ field: 'Posthorn-Delay', message: ONE_TIME_ONLY('Posthorn-Deliver-At') });
    return undefined;
  }
  const [field, read] =
    at === undefined
      ? ['Posthorn-Delay', readDelay(typeof delay === 'string' && /^\d{1,10}$/.test(delay) ? Number(delay) : delay)]
      : ['Posthorn-Deliver-At', readDeliverAt(at, Date.now())];
  if ('due' in read) return read.due;
  problems.push({ field, message: read.problem });
  return undefined;
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
