import type { Id } from '@app/domain';
import { noteFailedFrom, redriveAfter } from '../jobs/auto-redrive.js';
import type { Statement } from '../packets.js';

/** Holds in the statements of {@link afterRecovery} when the transaction has seen the consumer recover: exactly once for each recovery. */
export const RECOVERED = '@recovered > 0';

/**
 * What the transaction does, beside what it writes of the consumer itself, in which a consumer recovers: its first success after nothing but failures, or
 * the probe that closes its breaker. Every statement must be conditional on {@link RECOVERED}. This is the one place for what is to begin then. `mint`
 * makes ids.
 */
export const afterRecovery = (consumerId: number, mint: () => Id): Statement[] => redriveAfter(consumerId, mint(), RECOVERED);

/** What is remembered of the consumer for that, before its recovery is written. */
export const beforeRecovery = (consumerId: number): Statement[] => [{ sql: 'SET @recovered = 0' }, noteFailedFrom(consumerId)];
