import type { AttemptResult } from './next-step.js';
import { type RetryPolicy, retryCapMs } from './retry-policy.js';

const BASE_MS = 1_000;
const MAX_MS = 60_000;

/**
 * For how long a consumer wants to be left alone, in ms; 0: it does not. One that answers 429 or 503 says so for all of its deliveries: for as long as
 * Retry-After asks, up to the cap of the policy, or for a second that doubles up to a minute as long as it goes on.
 *
 * @param refusals how often in a row it has said so, this one included (1, 2, …)
 */
export function holdMs(result: AttemptResult, policy: RetryPolicy, refusals: number): number {
  if (result.kind !== 'answered' || (result.httpCode !== 429 && result.httpCode !== 503)) return 0;
  return Math.min(result.retryAfterMs ?? Math.min(MAX_MS, BASE_MS * 2 ** (refusals - 1)), retryCapMs(policy));
}
