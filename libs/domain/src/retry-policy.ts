import type { PermanentStatuses } from './permanent-statuses.js';

/** In both forms: which answers end a delivery at once; none when it is not there. */
type Endings = { readonly permanentStatuses?: PermanentStatuses };

/** Waits `baseSeconds · factor^n`, at most `capSeconds`; `attempts` counts the first one too. */
export type ExponentialRetry = Endings & {
  readonly baseSeconds: number;
  readonly factor: number;
  readonly capSeconds: number;
  readonly attempts: number;
  /** The share of a delay that is random: true or 1 is full jitter, false or 0 is none. */
  readonly jitter: boolean | number;
};

/** Waits exactly these seconds, one for each retry: attempts = delays + 1. */
export type ListedRetry = Endings & { readonly delays: readonly number[] };

export type RetryPolicy = ExponentialRetry | ListedRetry;

/** 10 retries: 5 s, 20 s, 80 s … capped at 10 h, each uniform between 0 and that. */
export const DEFAULT_RETRY: Required<Omit<ExponentialRetry, 'permanentStatuses'>> = {
  baseSeconds: 5,
  factor: 4,
  capSeconds: 36_000,
  attempts: 11,
  jitter: true,
};

/** How many attempts the policy allows, the first one included. */
export const attemptsOf = (policy: RetryPolicy): number => ('delays' in policy ? policy.delays.length + 1 : policy.attempts);

/** The longest wait that a consumer may ask for with Retry-After, in milliseconds; a list has no cap of its own and takes 10 h. */
export const retryCapMs = (policy: RetryPolicy): number => 1000 * ('delays' in policy ? DEFAULT_RETRY.capSeconds : policy.capSeconds);

/**
 * Whole milliseconds until the next attempt, or undefined when the attempts are used up.
 *
 * Full jitter is uniform in [0, min(cap, base · factor^n)], after Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
 * 2015: it spends the least work of the compared strategies while the retries of many deliveries spread out.
 *
 * @param attemptsMade attempts made so far, the one that just failed included (1, 2, …)
 * @param random uniform in [0, 1)
 */
export function retryDelayMs(policy: RetryPolicy, attemptsMade: number, random: number): number | undefined {
  if (attemptsMade >= attemptsOf(policy)) return undefined;
  const retry = Math.max(attemptsMade, 1) - 1;
  if ('delays' in policy) return Math.round(1000 * (policy.delays[retry] ?? 0));
  const ceiling = Math.min(policy.capSeconds, policy.baseSeconds * policy.factor ** retry);
  const share = Number(policy.jitter);
  return Math.round(1000 * ceiling * (1 - share + share * random));
}
