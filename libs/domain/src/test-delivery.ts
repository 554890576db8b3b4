import type { NextStep } from './next-step.js';

/** Marks a test delivery, to its consumer and to the dispatcher. Producers cannot send it: the prefix is ours. */
export const TEST_HEADER = 'posthorn-test';
const MARK = `"${TEST_HEADER}":"true"`;

/** Headers of a test message as they are stored. */
export const testHeaders = (headers: Record<string, string>): string => JSON.stringify({ [TEST_HEADER]: 'true', ...headers });

/** Whether a message with these stored headers is a test. A quote in a value is stored behind a backslash, so that none looks like the mark. */
export const isTest = (headers: string | null): boolean => headers?.includes(MARK) ?? false;

/** What a test's attempt means: it has one, whose failure is no dead letter and disables nobody. */
export const stepOfTest = (step: NextStep): NextStep =>
  step.to === 'delivered' ? step : { to: 'dead', reason: 'test-failed', errorClass: step.errorClass, disableConsumer: false };
