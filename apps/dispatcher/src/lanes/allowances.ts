import type { ConsumerHealth } from './consumer-health.js';
import type { Holds } from './holds.js';
import type { Limits } from './limits.js';
import type { Pace } from './pace.js';
import type { Slots } from './slots.js';
import type { Target, Targets } from './targets.js';

/**
 * How many rows of a lane may be claimed now; or none, for its consumer
 * - `unknown`: nothing is known of its settings;
 * - `elsewhere`: is the business of other dispatchers;
 * - `full`: has as much in flight as it may, wants to be left alone, or its breaker has just opened;
 * - `throttled`: waits for its rate limit.
 */
export type Allowance =
  { rows: number; target: Target } | { none: 'unknown' } | { none: 'elsewhere' | 'full' | 'throttled'; target: Target };

interface Parts {
  targets: Targets;
  slots: Slots;
  pace: Pace;
  holds: Holds;
  health: Pick<ConsumerHealth, 'isOpen'>;
  limits: Limits;
  /** Deliveries of a consumer that were claimed and wait for their batch. */
  waiting: (consumerId: number) => number;
}

export class Allowances {
  constructor(private readonly parts: Parts) {}

  of(consumerId: number): Allowance {
    const { targets, slots, holds, health, limits } = this.parts;
    const target = targets.peek(consumerId);
    if (!target) return { none: 'unknown' };
    const inFlight = limits.inFlight(target);
    if (inFlight === 0) return { none: 'elsewhere', target };
    if (holds.isHeld(consumerId) || health.isOpen(consumerId)) return { none: 'full', target };
    const free = this.rowsFor(inFlight, target) - slots.usedBy(consumerId);
    if (free <= 0) return { none: 'full', target };
    const begin = this.rowsThatMayBegin(target);
    return begin <= 0 ? { none: 'throttled', target } : { rows: Math.min(free, begin), target };
  }

  /** A consumer whose requests are limited is not claimed for ahead of its turns: what waits would leave in one burst. */
  private rowsFor(inFlight: number, target: Target): number {
    const { pace, limits } = this.parts;
    if (target.batch) return inFlight * target.batch.maxMessages;
    return limits.requests(target) === Infinity ? inFlight + pace.ahead(target.consumerId, inFlight) : inFlight;
  }

  /** A batch is one request; what waits for its batch has been counted. */
  private rowsThatMayBegin(target: Target): number {
    const requests = this.parts.limits.requests(target);
    return target.batch ? requests * target.batch.maxMessages - this.parts.waiting(target.consumerId) : requests;
  }
}
