import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

/** Requests to a push consumer: on average so many a second, and so many at once after a pause. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

export const RATE_LIMITS = { perSecond: [0.001, 100_000], burst: [1, 100_000] } as const;

/** Reads the setting from JSON; `burst` is what comes in a second, at least 1, unless it is said. Every problem is named, under `field`. */
export function parseRateLimit(value: unknown, field = 'rateLimit'): { rateLimit: RateLimit } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with perSecond and burst' }] };
  const problems = unknownFields(value, Object.keys(RATE_LIMITS), field, 'is not a field of a rate limit');
  const { perSecond, burst } = value;
  const [slowest, fastest] = RATE_LIMITS.perSecond;
  const rate = typeof perSecond === 'number' && perSecond >= slowest && perSecond <= fastest ? perSecond : undefined;
  if (rate === undefined) problems.push({ field: `${field}.perSecond`, message: `must be a number from ${slowest} to ${fastest}` });
  const [least, most] = RATE_LIMITS.burst;
  const given = burst ?? Math.max(least, Math.ceil(rate ?? least));
  const atOnce = typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most ? given : undefined;
  if (atOnce === undefined) problems.push({ field: `${field}.burst`, message: `must be a whole number from ${least} to ${most}` });
  return rate === undefined || atOnce === undefined || problems.length > 0
    ? { problems }
    : { rateLimit: { perSecond: rate, burst: atOnce } };
}

/** What holds for a consumer whose backlog is worked off at `resumeRate`, if it is: the stricter of the two. A backlog leaves evenly: a tenth of a second at once. */
export function effectiveRate(rateLimit: RateLimit | null, resumeRate: number | null): RateLimit | null {
  if (resumeRate === null) return rateLimit;
  const resuming = { perSecond: resumeRate, burst: Math.max(1, Math.floor(resumeRate / 10)) };
  if (rateLimit === null) return resuming;
  return { perSecond: Math.min(rateLimit.perSecond, resuming.perSecond), burst: Math.min(rateLimit.burst, resuming.burst) };
}

/** How many processes may share a rate: each has at least one request a second, or there is one, and at least one at once. */
export const mostSharers = ({ perSecond, burst }: RateLimit): number => Math.max(1, Math.floor(Math.min(perSecond, burst)));
