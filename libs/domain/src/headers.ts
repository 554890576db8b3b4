import type { FieldProblem } from './problem.js';

/** What users may set on delivery requests, in bytes on the wire. */
export const HEADER_LIMITS = { count: 32, nameBytes: 100, valueBytes: 2048, totalBytes: 8192 } as const;

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110, 5.5: visible, space, tab and obs-text, which Node reads and writes as Latin-1, so that bytes pass as they came. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Framing, hop-by-hop, and what a delivery request sets itself. */
const RESERVED = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'te',
  'upgrade',
  'expect',
  'trailer',
  'keep-alive',
  'accept-encoding',
  'traceparent',
]);
const RESERVED_PREFIX = /^(?:proxy-|webhook-|posthorn-)/;

/** Whether `text` can be the name of a header that users may set. */
export const isHeaderName = (text: string): boolean => text.length <= HEADER_LIMITS.nameBytes && TOKEN.test(text);

/** Whether a header name, in any case, is ours or the protocol's. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || RESERVED_PREFIX.test(lower);
}

/** Whether a header carries something that proves who sends it: its value is shown to nobody. */
export const isSecretHeader = (name: string): boolean => SECRET.test(name);
const SECRET =
  /(?:^|[-_.])(?:auth|authorization|authentication|bearer|cookie|credentials?|jwt|keys?|passwd|password|pwd|secret|session|sig|signature|token)(?:$|[-_.])|apikey|authtoken|accesskey|secret|password|token/i;

/** What is shown in place of a secret. */
export const MASK = '***';

/** Every problem of headers that a producer or a consumer wants on its deliveries; none when they may be sent as they are. */
export function judgeHeaders(headers: unknown, field = 'headers'): FieldProblem[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return [{ field, message: 'must be an object of texts' }];
  const entries: [string, unknown][] = Object.entries(headers);
  const { count, totalBytes } = HEADER_LIMITS;
  if (entries.length > count) return [{ field, message: `must be at most ${count} headers` }];
  const problems: FieldProblem[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    const message = judgeName(name, seen) ?? judgeValue(value);
    if (message !== undefined) problems.push({ field: `${field}.${shown(name)}`, message });
    seen.add(name.toLowerCase());
    bytes += name.length + String(value).length;
  }
  if (bytes > totalBytes) problems.push({ field, message: `must be at most ${totalBytes} bytes in all` });
  return problems;
}

function judgeName(name: string, seen: ReadonlySet<string>): string | undefined {
  if (name.length > HEADER_LIMITS.nameBytes) return `name must be at most ${HEADER_LIMITS.nameBytes} bytes`;
  if (!TOKEN.test(name)) return 'name must be an HTTP token';
  if (isReservedHeader(name)) return 'name is reserved';
  return seen.has(name.toLowerCase()) ? 'name is there twice' : undefined;
}

function judgeValue(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be text';
  if (value.length > HEADER_LIMITS.valueBytes) return `must be at most ${HEADER_LIMITS.valueBytes} bytes`;
  return VALUE.test(value) ? undefined : 'must be Latin-1 text without control characters';
}

/** A name that is no token is a caller's raw bytes: shown short and printable. */
const shown = (name: string): string => name.replace(/[^\x21-\x7e]/g, '?').slice(0, HEADER_LIMITS.nameBytes);
