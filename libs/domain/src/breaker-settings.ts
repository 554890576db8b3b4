import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

/** When a push consumer is left alone, for how long, and what it takes to trust it again. */
export interface BreakerSettings {
  /** Opens when at least this share of the attempts of the window failed. */
  readonly errorRate: number;
  /** Attempts in the window, at least, before it is judged. */
  readonly minimum: number;
  readonly windowSeconds: number;
  /** An attempt that takes as long counts as slow; null: none does. */
  readonly slowMs: number | null;
  /** Opens when at least this share of the attempts of the window was slow. */
  readonly slowRate: number;
  /** From opening to the first probe; doubles with each probe that fails. */
  readonly openSeconds: number;
  /** Up to this. */
  readonly maxOpenSeconds: number;
  /** Probes that have to succeed, one after another, before it closes. */
  readonly probes: number;
}

export const DEFAULT_BREAKER: BreakerSettings = {
  errorRate: 0.5,
  minimum: 20,
  windowSeconds: 60,
  slowMs: null,
  slowRate: 0.8,
  openSeconds: 30,
  maxOpenSeconds: 600,
  probes: 1,
};

export const BREAKER_LIMITS = {
  errorRate: [0.01, 1],
  minimum: [1, 1_000],
  windowSeconds: [1, 3_600],
  slowMs: [1, 120_000],
  slowRate: [0.01, 1],
  openSeconds: [0.1, 86_400],
  maxOpenSeconds: [0.1, 86_400],
  probes: [1, 100],
} as const satisfies Record<keyof BreakerSettings, readonly [number, number]>;

const WHOLE: ReadonlySet<string> = new Set(['minimum', 'slowMs', 'probes']);
const NAMES = ['errorRate', 'minimum', 'windowSeconds', 'slowMs', 'slowRate', 'openSeconds', 'maxOpenSeconds', 'probes'] as const;

/** Reads the setting from JSON: `false` is no breaker; what an object leaves out is as {@link DEFAULT_BREAKER} says. Every problem is named, under `field`. */
export function parseBreaker(value: unknown, field = 'breaker'): { breaker: BreakerSettings | false } | { problems: FieldProblem[] } {
  if (value === false) return { breaker: false };
  if (!isRecord(value)) return { problems: [{ field, message: 'must be false, or an object with errorRate, minimum, openSeconds, …' }] };
  const problems = unknownFields(value, NAMES, field, 'is not a field of a breaker');
  const breaker: { -readonly [Name in keyof BreakerSettings]: BreakerSettings[Name] } = { ...DEFAULT_BREAKER };
  for (const name of NAMES) {
    const given = value[name];
    if (given === undefined || (given === null && name === 'slowMs')) continue;
    const [least, most] = BREAKER_LIMITS[name];
    if (typeof given === 'number' && given >= least && given <= most && !(WHOLE.has(name) && !Number.isInteger(given))) {
      breaker[name] = given;
    } else {
      problems.push({ field: `${field}.${name}`, message: `must be a ${WHOLE.has(name) ? 'whole ' : ''}number from ${least} to ${most}` });
    }
  }
  if (value['maxOpenSeconds'] === undefined) breaker.maxOpenSeconds = Math.max(breaker.maxOpenSeconds, breaker.openSeconds);
  else if (problems.length === 0 && breaker.maxOpenSeconds < breaker.openSeconds) {
    problems.push({ field: `${field}.maxOpenSeconds`, message: 'must not be less than openSeconds' });
  }
  return problems.length > 0 ? { problems } : { breaker };
}
