import { type PermanentStatuses, parsePermanentStatuses } from './permanent-statuses.js';
import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';
import { DEFAULT_RETRY, type ExponentialRetry, type RetryPolicy } from './retry-policy.js';

type Bounds = { readonly min: number; readonly max: number; readonly whole?: boolean };

const bounds: Record<Exclude<keyof typeof DEFAULT_RETRY, 'jitter'>, Bounds> = {
  baseSeconds: { min: 0.001, max: 86_400 },
  factor: { min: 1, max: 100 },
  capSeconds: { min: 0.001, max: 604_800 },
  attempts: { min: 1, max: 100, whole: true },
};
const delayBounds: Bounds = { min: 0, max: 604_800 };
const MAX_DELAYS = 100;

/**
 * Reads a policy from JSON: `{delays: [seconds, …]}` or any part of the exponential form, completed from {@link DEFAULT_RETRY}.
 * `jitter` may be a boolean, a share from 0 to 1, 'full' or 'none'; both forms may have `permanentStatuses`. Every problem is named, under `field`.
 */
export function parseRetryPolicy(value: unknown, field = 'retry'): { policy: RetryPolicy } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with delays, or with baseSeconds, factor, …' }] };
  const { permanentStatuses, ...times } = value;
  const parsed = 'delays' in times ? parseListed(times, field) : parseExponential(times, field);
  if (permanentStatuses === undefined) return parsed;
  return withStatuses(parsed, parsePermanentStatuses(permanentStatuses, `${field}.permanentStatuses`));
}

type Parsed<T> = T | { problems: FieldProblem[] };

function withStatuses(
  parsed: Parsed<{ policy: RetryPolicy }>,
  listed: Parsed<{ statuses: PermanentStatuses }>,
): Parsed<{ policy: RetryPolicy }> {
  const problems = [parsed, listed].flatMap((one) => ('problems' in one ? one.problems : []));
  if ('problems' in parsed || 'problems' in listed) return { problems };
  return { policy: { ...parsed.policy, permanentStatuses: listed.statuses } };
}

function parseListed(value: Record<string, unknown>, field: string): { policy: RetryPolicy } | { problems: FieldProblem[] } {
  const problems: FieldProblem[] = unknownFields(value, ['delays'], field, 'may not stand beside delays');
  const { delays } = value;
  if (!Array.isArray(delays) || delays.length > MAX_DELAYS) {
    return { problems: [...problems, { field: `${field}.delays`, message: `must be a list of at most ${MAX_DELAYS} numbers of seconds` }] };
  }
  const list: readonly unknown[] = delays;
  list.forEach((delay, index) => problems.push(...outOfBounds(delay, delayBounds, `${field}.delays.${index}`)));
  return problems.length > 0 ? { problems } : { policy: { delays: list.map(Number) } };
}

function parseExponential(value: Record<string, unknown>, field: string): { policy: RetryPolicy } | { problems: FieldProblem[] } {
  const problems = unknownFields(value, Object.keys(DEFAULT_RETRY), field, 'is not a field of a retry policy');
  const policy: { -readonly [Name in keyof ExponentialRetry]: ExponentialRetry[Name] } = { ...DEFAULT_RETRY };
  for (const name of ['baseSeconds', 'factor', 'capSeconds', 'attempts'] as const) {
    const given = value[name];
    if (given === undefined) continue;
    problems.push(...outOfBounds(given, bounds[name], `${field}.${name}`));
    policy[name] = Number(given);
  }
  const jitter = value.jitter === undefined ? DEFAULT_RETRY.jitter : jitterOf(value.jitter);
  if (jitter === undefined)
    problems.push({ field: `${field}.jitter`, message: "must be true, false, a number from 0 to 1, 'full' or 'none'" });
  else policy.jitter = jitter;
  return problems.length > 0 ? { problems } : { policy };
}

function jitterOf(value: unknown): boolean | number | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  if (value === 'full') return true;
  return value === 'none' ? false : undefined;
}

function outOfBounds(value: unknown, { min, max, whole }: Bounds, field: string): FieldProblem[] {
  const right = typeof value === 'number' && value >= min && value <= max && (whole !== true || Number.isInteger(value));
  return right ? [] : [{ field, message: `must be a ${whole === true ? 'whole ' : ''}number from ${min} to ${max}` }];
}
