import type { Id } from '@app/domain';
import type { Statement } from '../packets.js';

/** Holds in the statements of {@link afterRecovery} when the transaction has seen the consumer recover: exactly once for each recovery. */
export const RECOVERED = '@recovered > 0';

/**
 * What the transaction does, beside what it writes of the consumer itself, in which a consumer recovers: its first success after nothing but failures, or
 * the probe that closes its breaker. Every statement must be conditional on {@link RECOVERED}. This is the one place for what is to begin then. `mint`
 * makes ids.
 */
export const afterRecovery = (_consumerId: number, _mint: () => Id): Statement[] => [];
