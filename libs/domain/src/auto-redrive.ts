import { JOB_RATE } from './job.js';
import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

/** What is redriven by itself when a consumer is well again. */
export interface AutoRedrive {
  /** Only what died within so many seconds before. Not there: since the consumer began to fail. */
  readonly withinSeconds?: number;
  /** Deliveries a second, at most. Not there: as fast as it goes. */
  readonly ratePerSecond?: number;
}

export const AUTO_REDRIVE_LIMITS = { withinSeconds: { min: 1, max: 2_592_000 }, ratePerSecond: JOB_RATE } as const;

/** Reads `true` or an object of limits; `false` and null are none. */
export function parseAutoRedrive(
  value: unknown,
  field = 'autoRedrive',
): { autoRedrive: AutoRedrive | null } | { problems: FieldProblem[] } {
  if (value === undefined || value === null || value === false) return { autoRedrive: null };
  if (value === true) return { autoRedrive: {} };
  if (!isRecord(value)) return { problems: [{ field, message: 'must be true, false or an object with withinSeconds and ratePerSecond' }] };
  const problems = unknownFields(value, ['withinSeconds', 'ratePerSecond'], field, 'is neither withinSeconds nor ratePerSecond');
  const { withinSeconds = null, ratePerSecond = null } = value;
  const { withinSeconds: within, ratePerSecond: rate } = AUTO_REDRIVE_LIMITS;
  if (withinSeconds !== null && !(isWithin(withinSeconds, within) && Number.isInteger(withinSeconds))) {
    problems.push({ field: `${field}.withinSeconds`, message: `must be a whole number from ${within.min} to ${within.max}` });
  }
  if (ratePerSecond !== null && !isWithin(ratePerSecond, rate)) {
    problems.push({ field: `${field}.ratePerSecond`, message: `must be a number from ${rate.min} to ${rate.max}` });
  }
  if (problems.length > 0) return { problems };
  return {
    autoRedrive: {
      ...(typeof withinSeconds === 'number' ? { withinSeconds } : {}),
      ...(typeof ratePerSecond === 'number' ? { ratePerSecond } : {}),
    },
  };
}

const isWithin = (value: unknown, { min, max }: { min: number; max: number }): value is number =>
  typeof value === 'number' && value >= min && value <= max;
