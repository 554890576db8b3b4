import { judgeUrl, refusalMessage, type TargetRules } from './target.js';
import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

export type BasicAuth = { readonly type: 'basic'; readonly username: string; readonly password: string };
export type BearerAuth = { readonly type: 'bearer'; readonly token: string };
/** Client credentials (RFC 6749, 4.4). */
export type OAuth2 = {
  readonly type: 'oauth2';
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How the client proves itself (RFC 6749, 2.3.1): in a Basic header, or in the body. */
  readonly clientAuth: 'basic' | 'post';
  readonly scope: string | null;
  readonly audience: string | null;
};

/** How deliveries prove themselves to a consumer, beside their signature. */
export type Auth = BasicAuth | BearerAuth | OAuth2;

/** The one field of each type that is secret. */
export const authSecrets = { basic: 'password', bearer: 'token', oauth2: 'clientSecret' } as const satisfies Record<Auth['type'], string>;

const types = ['basic', 'bearer', 'oauth2'] as const satisfies Auth['type'][];

const MAX_NAME = 255;
const MAX_SECRET = 1000;
const MAX_TOKEN = 4096;
const MAX_SCOPE = 1000;
const CONTROL = /\p{Cc}/u;
const VISIBLE = /^[\x21-\x7e]+$/;
const SCOPES = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

type Check = (value: unknown) => boolean;
const text =
  (most: number, allowed: (value: string) => boolean): Check =>
  (value) =>
    typeof value === 'string' && value !== '' && value.length <= most && allowed(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const printable = (value: string): boolean => !CONTROL.test(value);

/** For each type its fields, and what each must be. */
const forms: Record<Auth['type'], Record<string, { check: Check; message: string; fallback?: string | null }>> = {
  basic: {
    username: {
      check: text(MAX_NAME, (value) => printable(value) && !value.includes(':')),
      message: `must be 1 to ${MAX_NAME} characters, no colon and no control characters`,
    },
    password: { check: text(MAX_SECRET, printable), message: `must be 1 to ${MAX_SECRET} characters, no control characters` },
  },
  bearer: {
    token: { check: text(MAX_TOKEN, (value) => VISIBLE.test(value)), message: `must be 1 to ${MAX_TOKEN} visible ASCII characters` },
  },
  oauth2: {
    tokenUrl: { check: (value) => typeof value === 'string', message: 'must be a URL' },
    clientId: { check: text(MAX_NAME, printable), message: `must be 1 to ${MAX_NAME} characters, no control characters` },
    clientSecret: { check: text(MAX_SECRET, printable), message: `must be 1 to ${MAX_SECRET} characters, no control characters` },
    clientAuth: { check: (value) => value === 'basic' || value === 'post', message: 'must be basic or post', fallback: 'basic' },
    scope: {
      check: optional(text(MAX_SCOPE, (value) => SCOPES.test(value))),
      message: `must be scopes separated by single spaces, at most ${MAX_SCOPE} characters`,
      fallback: null,
    },
    audience: {
      check: optional(text(MAX_SCOPE, (value) => VISIBLE.test(value))),
      message: `must be 1 to ${MAX_SCOPE} visible ASCII characters`,
      fallback: null,
    },
  },
};

/** Reads `auth` from JSON. Every problem is named, under `field`, and none repeats a value. */
export function parseAuth(value: unknown, rules: TargetRules, field = 'auth'): { auth: Auth } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with type, and what the type needs' }] };
  const type = types.find((name) => name === value.type);
  if (type === undefined) return { problems: [{ field: `${field}.type`, message: `must be one of ${types.join(', ')}` }] };
  const form = forms[type];
  const problems = unknownFields(value, ['type', ...Object.keys(form)], field, `is not a field of the type ${type}`);
  const read: Record<string, unknown> = { type };
  for (const [name, { check, message, fallback }] of Object.entries(form)) {
    read[name] = value[name] ?? fallback;
    if (!check(read[name])) problems.push({ field: `${field}.${name}`, message });
  }
  if (typeof read['tokenUrl'] === 'string') {
    const verdict = judgeUrl(read['tokenUrl'], rules);
    if (!verdict.ok) problems.push({ field: `${field}.tokenUrl`, message: refusalMessage(verdict.reason) });
  }
  return isRead(read, problems) ? { auth: read } : { problems };
}

const isRead = (_read: unknown, problems: readonly FieldProblem[]): _read is Auth => problems.length === 0;

/** The `authorization` header that needs nothing but what is stored (RFC 7617, 6750). */
export const authorizationOf = (auth: BasicAuth | BearerAuth): string =>
  auth.type === 'bearer' ? `Bearer ${auth.token}` : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
