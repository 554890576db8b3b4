import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

/** Deliveries of a push consumer go together in one POST: so many, or those that came within so long after the first. */
export interface BatchSettings {
  readonly maxMessages: number;
  readonly maxWaitMs: number;
}

export const BATCH_LIMITS = { maxMessages: [1, 100], maxWaitMs: [0, 10_000] } as const;
const DEFAULT_WAIT_MS = 1_000;

/** Reads the setting from JSON. Every problem is named, under `field`. */
export function parseBatch(value: unknown, field = 'batch'): { batch: BatchSettings } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with maxMessages and maxWaitMs' }] };
  const problems = unknownFields(value, Object.keys(BATCH_LIMITS), field, 'is not a field of a batch');
  const number = (name: keyof BatchSettings, given: unknown): number => {
    const [least, most] = BATCH_LIMITS[name];
    if (typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most) return given;
    problems.push({ field: `${field}.${name}`, message: `must be a whole number from ${least} to ${most}` });
    return least;
  };
  const batch = {
    maxMessages: number('maxMessages', value.maxMessages),
    maxWaitMs: number('maxWaitMs', value.maxWaitMs ?? DEFAULT_WAIT_MS),
  };
  return problems.length > 0 ? { problems } : { batch };
}
