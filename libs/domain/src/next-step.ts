import { isPermanent } from './permanent-statuses.js';
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
  'consumer-deleted',
  'resolver-unreachable',
  'network-unreachable',
  'out-of-resources',
  'secret-unavailable',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** Failures on our side: the consumer had no part in them. */
const ours: ReadonlySet<ErrorClass> = new Set(['resolver-unreachable', 'network-unreachable', 'out-of-resources', 'secret-unavailable']);
export const isOurs = (errorClass: ErrorClass): boolean => ours.has(errorClass);

/** So many attempts of a delivery, about two days of them, may fail on our side for nothing; further ones count as all do. */
export const MOST_SPARED = 2_000;
const SPARED_BASE_MS = 1_000;
const SPARED_CAP_MS = 120_000;

export const deadReasons = ['attempts-exhausted', 'permanent-status', 'gone', 'blocked-target', 'rejected'] as const;
export type DeadReason = (typeof deadReasons)[number];

export type AttemptResult =
  | { readonly kind: 'answered'; readonly httpCode: number; readonly retryAfterMs?: number }
  | { readonly kind: 'failed'; readonly errorClass: ErrorClass };

/** `test-failed`: not a dead letter, see test-delivery.ts. */
export type NextStep =
  | { readonly to: 'delivered' }
  /** `spared`: the attempt does not weigh against the retry policy. */
  | { readonly to: 'retry'; readonly delayMs: number; readonly errorClass: ErrorClass; readonly spared?: true }
  | {
      readonly to: 'dead';
      readonly reason: DeadReason | 'test-failed';
      readonly errorClass: ErrorClass;
      readonly disableConsumer: boolean;
    };

/**
 * What an attempt means for its delivery: 2xx is delivered; 410 is dead at once and disables the consumer; a blocked target, and a status that the
 * policy calls permanent, are dead at once; all else retries until the attempts are used up. Retry-After is a lower bound of the delay, up to
 * the cap of the policy. A failure on our side has a back-off of its own and does not weigh, {@link MOST_SPARED} times.
 *
 * @param attemptsMade attempts that weigh made so far, this one included (1, 2, …)
 * @param random uniform in [0, 1)
 * @param attemptsBefore attempts that do not weigh
 */
export function nextStep(result: AttemptResult, policy: RetryPolicy, attemptsMade: number, random: number, attemptsBefore = 0): NextStep {
  const errorClass = result.kind === 'answered' ? classOf(result.httpCode) : result.errorClass;
  if (errorClass === undefined) return { to: 'delivered' };
  if (errorClass === 'gone') return { to: 'dead', reason: 'gone', errorClass, disableConsumer: true };
  if (errorClass === 'blocked-target') return { to: 'dead', reason: 'blocked-target', errorClass, disableConsumer: false };
  if (isOurs(errorClass) && attemptsBefore < MOST_SPARED) {
    return { to: 'retry', delayMs: sparedDelayMs(attemptsBefore, random), errorClass, spared: true };
  }
  if (result.kind === 'answered' && isPermanent(policy.permanentStatuses ?? [], result.httpCode)) {
    return { to: 'dead', reason: 'permanent-status', errorClass, disableConsumer: false };
  }

  const delayMs = retryDelayMs(policy, attemptsMade, random);
  if (delayMs === undefined) return { to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false };
  const askedMs = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  return { to: 'retry', delayMs: Math.max(delayMs, Math.min(askedMs, retryCapMs(policy))), errorClass };
}

/** Doubling from 1 s to 2 min, of which one half is random. */
function sparedDelayMs(attemptsBefore: number, random: number): number {
  return Math.round(Math.min(SPARED_CAP_MS, SPARED_BASE_MS * 2 ** Math.min(attemptsBefore, 10)) * (0.5 + random / 2));
}

function classOf(httpCode: number): ErrorClass | undefined {
  if (httpCode >= 200 && httpCode < 300) return undefined;
  if (httpCode >= 300 && httpCode < 400) return 'redirect';
  return httpCode === 410 ? 'gone' : 'http-status';
}
