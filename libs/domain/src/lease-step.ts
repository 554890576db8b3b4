import type { NextStep } from './next-step.js';
import { type RetryPolicy, retryDelayMs } from './retry-policy.js';

/** What a pull consumer may say of a delivery that it leased. */
export const leaseOutcomes = ['ack', 'nack', 'dead'] as const;
export type LeaseOutcome = (typeof leaseOutcomes)[number];

/** How a lease ended: the consumer said so, or it ran out. */
export type LeaseEnd =
  | { readonly kind: 'ack' }
  /** `delayMs`: when to try again, instead of what the policy says. */
  | { readonly kind: 'nack'; readonly delayMs?: number }
  | { readonly kind: 'dead' }
  | { readonly kind: 'expired' };

/**
 * What the end of a lease means for its delivery: ack is delivered; dead is dead at once; nack retries, and an expired lease is leased again
 * at once, until the attempts of the policy are used up.
 *
 * @param attemptsMade attempts made so far, this one included (1, 2, …)
 * @param random uniform in [0, 1)
 */
export function stepAfterLease(end: LeaseEnd, policy: RetryPolicy, attemptsMade: number, random: number): NextStep {
  if (end.kind === 'ack') return { to: 'delivered' };
  if (end.kind === 'dead') return { to: 'dead', reason: 'rejected', errorClass: 'rejected', disableConsumer: false };
  const errorClass = end.kind === 'nack' ? 'nacked' : 'lease-expired';
  const delayMs = retryDelayMs(policy, attemptsMade, random);
  if (delayMs === undefined) return { to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false };
  return { to: 'retry', delayMs: end.kind === 'nack' ? (end.delayMs ?? delayMs) : 0, errorClass };
}
