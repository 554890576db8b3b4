import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';
import type { Rate } from './key-bucket.js';

export const KEY_RATE_LIMITS = { perSecond: [0.01, 1_000_000], burst: [1, 1_000_000] } as const;

/** What so many a second may be at once when nothing is said: one second's worth. */
export const defaultBurst = (perSecond: number): number => Math.max(1, Math.ceil(perSecond));

/** Reads `rateLimit` of an API key from JSON. Every problem is named, under `field`. */
export function parseKeyRate(value: unknown, field = 'rateLimit'): { rate: Rate } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with perSecond and burst' }] };
  const problems = unknownFields(value, Object.keys(KEY_RATE_LIMITS), field, 'is not a field of a rate limit');
  const { perSecond } = value;
  const [least, most] = KEY_RATE_LIMITS.perSecond;
  if (typeof perSecond !== 'number' || !(perSecond >= least && perSecond <= most)) {
    problems.push({ field: `${field}.perSecond`, message: `must be a number from ${least} to ${most}` });
  }
  const burst = value.burst ?? (typeof perSecond === 'number' ? defaultBurst(perSecond) : 1);
  const [fewest, highest] = KEY_RATE_LIMITS.burst;
  if (typeof burst !== 'number' || !Number.isInteger(burst) || burst < fewest || burst > highest) {
    problems.push({ field: `${field}.burst`, message: `must be a whole number from ${fewest} to ${highest}` });
  }
  return problems.length > 0 ? { problems } : { rate: { perSecond: Number(perSecond), burst: Number(burst) } };
}

/** Of the key, as far as it was used up. */
export interface RateState {
  /** What can be had at once. */
  readonly remaining: number;
  /** Until all of it can. */
  readonly fullAfterMs: number;
}

/** The header fields of draft-ietf-httpapi-ratelimit-headers-09: the quota is the burst, the window the time in which it grows anew. */
export const rateFields = ({ perSecond, burst }: Rate, { remaining, fullAfterMs }: RateState) => ({
  'ratelimit-policy': `"key";q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
  ratelimit: `"key";r=${Math.max(0, Math.min(burst, Math.floor(remaining + 1e-9)))};t=${Math.max(0, Math.ceil(fullAfterMs / 1000))}`,
});
