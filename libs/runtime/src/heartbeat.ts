import type { Log } from './log.js';
import type { ProcessMetrics } from './metrics.js';
import { Repeat, STALE_MS } from './repeat.js';

/** A process among the others. */
export type Beating = {
  /** Says that it lives; `replaced` when it had to take another number. */
  heartbeat(): Promise<'kept' | 'replaced'>;
  readonly number: number;
  /** Called when it can mint no more ids until the next heartbeat. */
  onHorizon: () => void;
};

export type HeartbeatOptions = {
  readonly node: Beating;
  readonly everyMs: number;
  /** How far the clock of this process is ahead of the database's, ms. */
  readonly skewMs: () => Promise<number>;
  readonly metrics: ProcessMetrics;
  readonly log: Log;
};

/** A clock that is further off is worth a line: machines that keep their time differ by milliseconds. */
const SKEWED_MS = 5_000;
const BURST_MS = 60_000;

/** Says again and again that the process lives, at once when it has run out of ids, and watches how far its clock is from the database's. */
export function heartbeat({ node, everyMs, skewMs, metrics, log }: HeartbeatOptions): Repeat {
  let toldAt = -Infinity;
  const watchClock = async (): Promise<void> => {
    const ms = await skewMs();
    metrics.clockSkewSeconds.set(ms / 1000);
    if (Math.abs(ms) < SKEWED_MS || performance.now() - toldAt < BURST_MS) return;
    toldAt = performance.now();
    log.warn({ aheadMs: ms }, 'clock.skewed');
  };
  const loop = new Repeat({
    name: 'heartbeat',
    log,
    staleAfterMs: STALE_MS,
    doOnce: async () => {
      if ((await node.heartbeat()) === 'replaced') log.warn({ number: node.number }, 'node.replaced');
      await watchClock();
      return everyMs;
    },
  });
  node.onHorizon = () => loop.wake();
  return loop;
}
