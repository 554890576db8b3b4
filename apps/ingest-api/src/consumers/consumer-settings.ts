import {
  type Auth,
  type BatchSettings,
  type BreakerSettings,
  type Cidr,
  type ClientTls,
  type FieldProblem,
  type History,
  judgeHeaders,
  judgeSigningSecret,
  judgeUrl,
  MASK,
  type AutoRedrive,
  parseAutoRedrive,
  parseAuth,
  parseBatch,
  parseBreaker,
  type FilterJson,
  parseFilter,
  parseRateLimit,
  parseRetryPolicy,
  parseSignature,
  parseStartFrom,
  parseTls,
  Problem,
  type RateLimit,
  refusalMessage,
  type RetryPolicy,
  signatureHeaderNames,
  type SignatureSettings,
  STANDARD_SIGNATURE,
  START_FROM_FORMS,
} from '@app/domain';
import { isDeepStrictEqual } from 'node:util';
import type { ConsumerSettings, CredentialColumns, SecretColumns } from '@app/storage';
import type { ConsumerBody } from './consumer.body.js';
import type { CredentialWish } from './credentials.js';
import type { SecretWish } from './signing-secrets.js';

/** Which URLs may be targets: ALLOW_HTTP_TARGETS and ALLOWED_TARGETS. */
export class TargetRules {
  constructor(
    readonly allowHttp: boolean,
    readonly allowed: readonly Cidr[],
  ) {}
}

/** What a PUT says, with defaults for what it leaves out; what is sealed is settled against what is stored. */
export interface ConsumerWish {
  settings: Omit<ConsumerSettings, keyof SecretColumns | keyof CredentialColumns>;
  secret: SecretWish;
  credentials: CredentialWish;
  /** Of a new consumer; null: it begins with the next message. */
  history: History | null;
}

/** Throws {@link Problem} `validation-failed` naming every wrong field. */
export function consumerWish(body: ConsumerBody, rules: TargetRules, nowMs: number): ConsumerWish {
  const type = body.type ?? 'push';
  const problems: FieldProblem[] = [...urlProblems(type, body.url ?? null, rules), ...(type === 'pull' ? pushOnly(body) : [])];
  let retry: RetryPolicy | null = null;
  if (body.retry !== undefined && body.retry !== null) {
    const parsed = parseRetryPolicy(body.retry);
    if ('problems' in parsed) problems.push(...parsed.problems);
    else retry = parsed.policy;
  }
  const headers = body.headers ?? null;
  if (headers !== null) problems.push(...judgeHeaders(headers));
  const auth = authOf(body, rules, problems);
  const tls = tlsOf(body, nowMs, problems);
  const signature = signatureOf(body, problems);
  const filter = filterOf(body, problems);
  const batch = batchOf(body, problems);
  const autoRedrive = autoRedriveOf(body, problems);
  const startFrom = parseStartFrom(body.startFrom);
  if (!startFrom) problems.push({ field: 'startFrom', message: START_FROM_FORMS });
  const rateLimit = rateLimitOf(body, problems);
  const breaker = breakerOf(body, problems);
  problems.push(...takenHeaders(headers, signature, auth));
  const secret = { scheme: signature.scheme, secret: body.signingSecret ?? null };
  if (secret.secret !== null) problems.push(...judgeSigningSecret(secret.secret, secret.scheme));
  if (problems.length > 0) throw Problem.invalid(problems);
  const settings = {
    type,
    url: body.url ?? null,
    description: body.description ?? '',
    timeoutMs: body.timeoutMs ?? null,
    maxInFlight: body.maxInFlight ?? null,
    retry,
    filter,
    batch,
    rateLimit,
    breaker,
    disableAfterSeconds: body.disableAfterSeconds ?? null,
    ordering: body.ordering ?? 'none',
    orderingExhausted: body.orderingExhausted ?? 'block',
    autoRedrive,
    signature: isDeepStrictEqual(signature, STANDARD_SIGNATURE) ? null : signature,
    disabled: body.disabled ?? false,
  };
  return { settings, secret, credentials: { url: settings.url, headers, auth, tls }, history: startFrom?.history ?? null };
}

function signatureOf({ signature }: ConsumerBody, problems: FieldProblem[]): SignatureSettings {
  if (signature === undefined || signature === null) return STANDARD_SIGNATURE;
  const parsed = parseSignature(signature);
  if ('signature' in parsed) return parsed.signature;
  problems.push(...parsed.problems);
  return STANDARD_SIGNATURE;
}

function batchOf({ batch }: ConsumerBody, problems: FieldProblem[]): BatchSettings | null {
  if (batch === undefined || batch === null) return null;
  const parsed = parseBatch(batch);
  if ('batch' in parsed) return parsed.batch;
  problems.push(...parsed.problems);
  return null;
}

function rateLimitOf({ rateLimit }: ConsumerBody, problems: FieldProblem[]): RateLimit | null {
  if (rateLimit === undefined || rateLimit === null) return null;
  const parsed = parseRateLimit(rateLimit);
  if ('rateLimit' in parsed) return parsed.rateLimit;
  problems.push(...parsed.problems);
  return null;
}

function breakerOf({ breaker }: ConsumerBody, problems: FieldProblem[]): BreakerSettings | false | null {
  if (breaker === undefined || breaker === null) return null;
  const parsed = parseBreaker(breaker);
  if ('breaker' in parsed) return parsed.breaker;
  problems.push(...parsed.problems);
  return null;
}

function autoRedriveOf(body: ConsumerBody, problems: FieldProblem[]): AutoRedrive | null {
  const parsed = parseAutoRedrive(body.autoRedrive);
  if ('autoRedrive' in parsed) return parsed.autoRedrive;
  problems.push(...parsed.problems);
  return null;
}

function filterOf({ filter }: ConsumerBody, problems: FieldProblem[]): FilterJson | null {
  if (filter === undefined || filter === null) return null;
  const parsed = parseFilter(filter);
  if ('problems' in parsed) problems.push(...parsed.problems);
  return { ...filter };
}

function authOf({ type, auth }: ConsumerBody, rules: TargetRules, problems: FieldProblem[]): Auth | null {
  if (auth === undefined || auth === null) return null;
  if (type === 'pull') problems.push({ field: 'auth', message: 'must be left out for a pull consumer' });
  const parsed = parseAuth(auth, rules);
  if ('auth' in parsed) return parsed.auth;
  problems.push(...parsed.problems);
  return null;
}

function tlsOf({ type, url, tls }: ConsumerBody, nowMs: number, problems: FieldProblem[]): ClientTls | null {
  if (tls === undefined || tls === null) return null;
  if (type === 'pull') problems.push({ field: 'tls', message: 'must be left out for a pull consumer' });
  else if (!/^https:/i.test(url ?? '')) problems.push({ field: 'tls', message: 'needs an https url' });
  const parsed = parseTls(tls, nowMs, MASK);
  if ('tls' in parsed) return parsed.tls;
  problems.push(...parsed.problems);
  return null;
}

/** Static headers that another setting sends. */
function takenHeaders(headers: Record<string, string> | null, signature: SignatureSettings, auth: Auth | null): FieldProblem[] {
  const signing = signatureHeaderNames(signature);
  const problems = Object.keys(headers ?? {}).flatMap((name): FieldProblem[] => {
    const lower = name.toLowerCase();
    if (signing.includes(lower)) return [{ field: `headers.${name}`, message: 'is a header of the signature' }];
    return lower === 'authorization' && auth ? [{ field: `headers.${name}`, message: 'may not stand beside auth' }] : [];
  });
  return auth && signing.includes('authorization')
    ? [...problems, { field: 'signature.header', message: 'may not be authorization beside auth' }]
    : problems;
}

function urlProblems(type: 'push' | 'pull', url: string | null, rules: TargetRules): FieldProblem[] {
  if (type === 'pull') return url === null ? [] : [{ field: 'url', message: 'must be left out for a pull consumer' }];
  if (url === null) return [{ field: 'url', message: 'is needed for a push consumer' }];
  const verdict = judgeUrl(url, rules);
  return verdict.ok ? [] : [{ field: 'url', message: refusalMessage(verdict.reason) }];
}

/** Refused for a pull consumer, so that nobody believes that it is obeyed, with what there is instead. */
const pushOnlyFields = {
  timeoutMs: 'it says leaseMs when it leases',
  maxInFlight: 'it says max when it leases',
  headers: 'nothing is posted to it',
  batch: 'it says max when it leases',
  rateLimit: 'it leases as fast as it likes',
  breaker: 'nothing is posted to it',
  disableAfterSeconds: 'nothing is posted to it',
} as const;

const pushOnly = (body: ConsumerBody): FieldProblem[] =>
  (['timeoutMs', 'maxInFlight', 'headers', 'batch', 'rateLimit', 'breaker', 'disableAfterSeconds'] as const)
    .filter((field) => body[field] !== undefined && body[field] !== null)
    .map((field) => ({ field, message: `must be left out for a pull consumer: ${pushOnlyFields[field]}` }));
