import type { FieldProblem } from './problem.js';

/** Whether JSON is an object: neither null nor a list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A problem for each field that is not among those known. */
export const unknownFields = (value: Record<string, unknown>, known: readonly string[], field: string, message: string): FieldProblem[] =>
  Object.keys(value)
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: `${field}.${name}`, message }));
