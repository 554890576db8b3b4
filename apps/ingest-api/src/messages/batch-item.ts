import { type DueTime, type FieldProblem, judgeHeaders, readDelay, readDeliverAt, type ReadDueTime } from '@app/domain';
import { isJsonType } from '../http/bodies.js';
import { ONE_TIME_ONLY, PRIORITY_RULE, textRules, type Told } from './message-rules.js';

/** One item of a batch that may be stored. */
export interface BatchMessage {
  told: Told;
  payload: Buffer;
}

export interface ItemContext {
  /** Before the names of its fields: `items.3`. */
  field: string;
  /** The item's `payload` as it was written; undefined when it has none. */
  payloadText: string | undefined;
  traceParent: string | null;
  maxBodyBytes: number;
  nowMs: number;
}

const FIELDS = new Set([
  'payload',
  'payloadBase64',
  'contentType',
  'idempotencyKey',
  'priority',
  'deliverAt',
  'delaySeconds',
  'key',
  'type',
  'headers',
]);

/** Reads an item, or names everything that is wrong with it. A field that is null counts as left out, except `payload`. */
export function readItem(value: unknown, context: ItemContext): BatchMessage | FieldProblem[] {
  const { field } = context;
  if (!isObject(value)) return [{ field, message: 'must be an object' }];
  const problems: FieldProblem[] = Object.keys(value)
    .filter((name) => !FIELDS.has(name))
    .map((name) => ({ field: `${field}.${name.slice(0, 50)}`, message: 'should not exist' }));
  const say = (name: string, message: string): undefined => void problems.push({ field: `${field}.${name}`, message });
  const text = (name: string, { ok, message }: (typeof textRules)[keyof typeof textRules]): string | undefined => {
    const given = value[name] ?? undefined;
    return given === undefined || (typeof given === 'string' && ok(given)) ? given : say(name, message);
  };
  const contentType = text('contentType', textRules.contentType);
  const payload = readPayload(value, contentType, context.payloadText, say);
  if (payload && payload.length > context.maxBodyBytes) say('payload', `must be at most ${context.maxBodyBytes} bytes`);
  const told: Told = {
    idempotencyKey: text('idempotencyKey', textRules.idempotencyKey),
    priority: readPriority(value['priority'] ?? 0, say),
    type: text('type', textRules.type) ?? null,
    orderingKey: text('key', textRules.orderingKey) ?? null,
    contentType: contentType ?? ('payload' in value ? 'application/json' : null),
    headers: readHeaders(value['headers'] ?? undefined, `${field}.headers`, problems),
    traceParent: context.traceParent,
    due: readDue(value, context.nowMs, say),
  };
  return problems.length > 0 || !payload ? problems : { told, payload };
}

type Say = (name: string, message: string) => undefined;
type Item = Record<string, unknown>;

const isObject = (value: unknown): value is Item => typeof value === 'object' && value !== null && !Array.isArray(value);

function readPayload(item: Item, contentType: string | undefined, written: string | undefined, say: Say): Buffer | undefined {
  const { payload, payloadBase64: base64 } = item;
  if (base64 !== undefined && base64 !== null) {
    if (written !== undefined) return say('payloadBase64', ONE_TIME_ONLY('payload'));
    const bytes = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : undefined;
    return bytes?.toString('base64') === base64 ? bytes : say('payloadBase64', 'must be base64 with padding');
  }
  if (written === undefined) return say('payload', 'must be there, or payloadBase64');
  if (contentType === undefined || isJsonType(contentType)) return Buffer.from(written);
  if (typeof payload !== 'string') return say('payload', 'must be text when contentType is not JSON');
  return /\p{Surrogate}/u.test(payload) ? say('payload', 'must be well-formed Unicode') : Buffer.from(payload);
}

const readPriority = (given: unknown, say: Say): number =>
  typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 9 ? given : (say('priority', PRIORITY_RULE) ?? 0);

function readHeaders(given: unknown, field: string, problems: FieldProblem[]): string | null {
  if (given === undefined) return null;
  const found = judgeHeaders(given, field);
  if (isObject(given) && Object.hasOwn(given, '__proto__')) found.push({ field: `${field}.__proto__`, message: 'should not exist' });
  problems.push(...found);
  if (found.length > 0 || !isObject(given)) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value])));
}

function readDue(item: Item, nowMs: number, say: Say): DueTime | undefined {
  const at = item['deliverAt'] ?? undefined;
  const delay = item['delaySeconds'] ?? undefined;
  if (at !== undefined && delay !== undefined) return say('delaySeconds', ONE_TIME_ONLY('deliverAt'));
  if (at !== undefined) return dueOf(readDeliverAt(at, nowMs), 'deliverAt', say);
  return delay === undefined ? undefined : dueOf(readDelay(delay), 'delaySeconds', say);
}

const dueOf = (read: ReadDueTime, name: string, say: Say): DueTime | undefined => ('due' in read ? read.due : say(name, read.problem));
