import { type RetryPolicy, retryCapMs, retryDelayMs } from './retry-policy.js';

/** All that anybody outside may learn about a failed attempt. */
export const errorClasses = [
  'http-status',
  'redirect',
  'gone',
  'timeout',
  'dns',
  'connection-refused',
  'connection-reset',
  'tls',
  'blocked-target',
  'token-endpoint',
  'invalid-response',
  'lease-expired',
  'nacked',
  'rejected',
  'internal',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

export const deadReasons = ['attempts-exhausted', 'gone', 'blocked-target', 'rejected'] as const;
export type DeadReason = (typeof deadReasons)[number];

export type AttemptResult =
  | { readonly kind: 'answered'; readonly httpCode: number; readonly retryAfterMs?: number }
  | { readonly kind: 'failed'; readonly errorClass: ErrorClass };

/** `test-failed`: not a dead letter, see test-delivery.ts. */
export type NextStep =
  | { readonly to: 'delivered' }
  | { readonly to: 'retry'; readonly delayMs: number; readonly errorClass: ErrorClass }
  | {
      readonly to: 'dead';
      readonly reason: DeadReason | 'test-failed';
      readonly errorClass: ErrorClass;
      readonly disableConsumer: boolean;
    };

/**
 * What an attempt means for its delivery: 2xx is delivered; 410 is dead at once and disables the consumer; a blocked target is dead at
 * once; all else retries until the attempts are used up. Retry-After is a lower bound of the delay, up to the cap of the policy.
 *
 * @param attemptsMade attempts made so far, this one included (1, 2, …)
 * @param random uniform in [0, 1)
 */
export function nextStep(result: AttemptResult, policy: RetryPolicy, attemptsMade: number, random: number): NextStep {
  const errorClass = result.kind === 'answered' ? classOf(result.httpCode) : result.errorClass;
  if (errorClass === undefined) return { to: 'delivered' };
  if (errorClass === 'gone') return { to: 'dead', reason: 'gone', errorClass, disableConsumer: true };
  if (errorClass === 'blocked-target') return { to: 'dead', reason: 'blocked-target', errorClass, disableConsumer: false };

  const delayMs = retryDelayMs(policy, attemptsMade, random);
  if (delayMs === undefined) return { to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false };
  const askedMs = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  return { to: 'retry', delayMs: Math.max(delayMs, Math.min(askedMs, retryCapMs(policy))), errorClass };
}

function classOf(httpCode: number): ErrorClass | undefined {
  if (httpCode >= 200 && httpCode < 300) return undefined;
  if (httpCode >= 300 && httpCode < 400) return 'redirect';
  return httpCode === 410 ? 'gone' : 'http-status';
}
