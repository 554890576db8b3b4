import type { BreakerSettings } from './breaker-settings.js';
import { type AttemptResult, isOurs } from './next-step.js';

/** Why a breaker opened. */
export const breakerReasons = ['errors', 'slow'] as const;
export type BreakerReason = (typeof breakerReasons)[number];

/** What an attempt says about its consumer. */
export interface AttemptHealth {
  readonly failed: boolean;
  readonly slow: boolean;
}

/**
 * Connections that cannot be made or break, TLS, timeouts, no valid answer, redirects, 408 and 5xx say that the consumer is in trouble. Other 4xx are about the
 * message, or, as 429, a wish that holds the consumer anyway: it answers. Undefined where the attempt says nothing about it: it failed on our side, or
 * nothing was posted.
 */
export function attemptHealth(result: AttemptResult, durationMs: number, slowMs: number | null): AttemptHealth | undefined {
  const slow = slowMs !== null && durationMs >= slowMs;
  if (result.kind === 'answered') {
    const { httpCode } = result;
    return { failed: httpCode >= 500 || httpCode === 408 || (httpCode >= 300 && httpCode < 400), slow };
  }
  const { errorClass } = result;
  return isOurs(errorClass) || errorClass === 'internal' || errorClass === 'blocked-target' ? undefined : { failed: true, slow };
}

interface Slot {
  readonly number: number;
  total: number;
  failed: number;
  slow: number;
}

/** The window moves in steps of this share of its length. */
const SLOTS = 10;

/** The last attempts of one consumer in one process, while its breaker is closed. Times are ms of any clock that does not go back. */
export class BreakerWindow {
  private slots: Slot[] = [];
  private readonly slotMs: number;

  constructor(private readonly settings: BreakerSettings) {
    this.slotMs = (settings.windowSeconds * 1000) / SLOTS;
  }

  /** Notes an attempt, and says why the breaker opens if this was one too many. */
  add({ failed, slow }: AttemptHealth, nowMs: number): BreakerReason | undefined {
    const slot = this.slotAt(nowMs);
    slot.total++;
    if (failed) slot.failed++;
    if (slow) slot.slow++;
    return failed || slow ? this.judge() : undefined;
  }

  private slotAt(nowMs: number): Slot {
    const number = Math.floor(nowMs / this.slotMs);
    const newest = this.slots.at(-1);
    if (newest?.number === number) return newest;
    const slot = { number, total: 0, failed: 0, slow: 0 };
    this.slots = [...this.slots.filter((one) => one.number > number - SLOTS), slot];
    return slot;
  }

  private judge(): BreakerReason | undefined {
    const { errorRate, minimum, slowRate } = this.settings;
    const [total, failed, slow] = (['total', 'failed', 'slow'] as const).map((what) =>
      this.slots.reduce((sum, slot) => sum + slot[what], 0),
    );
    if (total! < minimum) return undefined;
    if (failed! >= errorRate * total!) return 'errors';
    return slow! > 0 && slow! >= slowRate * total! ? 'slow' : undefined;
  }
}

/** How long a breaker is open that opened for the `openings`-th time in a row (1, 2, …), ms. */
export const openMs = ({ openSeconds, maxOpenSeconds }: BreakerSettings, openings: number): number =>
  Math.round(1000 * Math.min(maxOpenSeconds, openSeconds * 2 ** Math.min(openings - 1, 30)));

/** What a probe was allowed on. */
export interface ProbeState {
  /** How often in a row the breaker has opened. */
  readonly openings: number;
  /** Probes that have succeeded since it opened last. */
  readonly passed: number;
}

/** Where a breaker goes from half-open. */
export type ProbeStep =
  | { readonly to: 'closed' }
  | { readonly to: 'half-open'; readonly passed: number }
  | { readonly to: 'open'; readonly openings: number; readonly openMs: number };

const MOST_OPENINGS = 1_000;

/** What a probe means: success closes, or asks for the next probe; failure opens for longer; a probe that says nothing opens for as long as before. */
export function afterProbe(health: AttemptHealth | undefined, { openings, passed }: ProbeState, settings: BreakerSettings): ProbeStep {
  if (health && !health.failed && !health.slow) {
    return passed + 1 >= settings.probes ? { to: 'closed' } : { to: 'half-open', passed: passed + 1 };
  }
  const times = health ? Math.min(MOST_OPENINGS, openings + 1) : openings;
  return { to: 'open', openings: times, openMs: openMs(settings, times) };
}

export type BreakerStatus = 'closed' | 'open' | 'half-open';

/** What a stored breaker is: `until` it is left alone (null: it is closed); `probed`: somebody has the right to probe it. */
export function breakerStatus(until: Date | null, probed: boolean, nowMs: number): BreakerStatus {
  if (until === null) return 'closed';
  return probed || until.getTime() <= nowMs ? 'half-open' : 'open';
}
