import type { FieldProblem } from './problem.js';

const classes = ['3xx', '4xx', '5xx'] as const;
/** A status code that ends a delivery at once, or a class of them. */
export type PermanentStatuses = readonly (number | (typeof classes)[number])[];

const MOST = 50;
/** Answers that ask to be tried again: no class has them, they must be named. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 503]);

/** Whether a consumer that answers this wants no other attempt. A class leaves out 408, 425, 429 and 503. */
export const isPermanent = (statuses: PermanentStatuses, httpCode: number): boolean =>
  statuses.some((one) => one === httpCode || (one === `${Math.floor(httpCode / 100)}xx` && !TRANSIENT.has(httpCode)));

/** Reads a list of codes from 300 to 599 and classes; each problem is named under `field`. */
export function parsePermanentStatuses(value: unknown, field: string): { statuses: PermanentStatuses } | { problems: FieldProblem[] } {
  if (!Array.isArray(value) || value.length > MOST) {
    return { problems: [{ field, message: `must be a list of at most ${MOST} status codes` }] };
  }
  const wrong = value.flatMap((one: unknown, index) => (isStatus(one) ? [] : [`${field}.${index}`]));
  if (wrong.length > 0)
    return { problems: wrong.map((name) => ({ field: name, message: "must be a code from 300 to 599, '3xx', '4xx' or '5xx'" })) };
  return { statuses: [...new Set(value.filter(isStatus))] };
}

const isStatus = (one: unknown): one is PermanentStatuses[number] =>
  typeof one === 'number' ? Number.isInteger(one) && one >= 300 && one <= 599 : classes.some((name) => name === one);
