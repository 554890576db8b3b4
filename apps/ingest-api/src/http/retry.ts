import { parseRetryPolicy, Problem, type RetryPolicy } from '@app/domain';

/** null and undefined: the next higher policy. Throws {@link Problem} `validation-failed` naming every wrong part. */
export function parseRetry(value: unknown): RetryPolicy | null {
  if (value === undefined || value === null) return null;
  const parsed = parseRetryPolicy(value);
  if ('problems' in parsed) throw Problem.invalid(parsed.problems);
  return parsed.policy;
}
