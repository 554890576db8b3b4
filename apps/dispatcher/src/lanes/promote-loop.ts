import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Database, type Node, promote, untilNextRetry } from '@app/storage';

/** Retries that other processes settled are found within this. */
const POLL_MS = 500;

/** Makes retries ready when they are due. */
export class PromoteLoop {
  readonly loop: Repeat;
  /** Monotonic time of the next run. */
  private nextAt = 0;

  constructor(
    private readonly parts: { database: Database; node: Node; metrics: DispatcherMetrics },
    log: Log,
    private readonly promoted: (consumerIds: readonly number[]) => void,
  ) {
    this.loop = new Repeat({ name: 'promote', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** A retry was settled that is due in so many ms. */
  expect(delayMs: number): void {
    if (performance.now() + delayMs < this.nextAt) this.loop.wake();
  }

  /** One batch; answers in how many ms the next retry is due. */
  async doOnce(): Promise<number> {
    const { database, node, metrics } = this.parts;
    const { moved, consumerIds } = await promote(database, () => node.mint());
    if (moved > 0) {
      metrics.promoted.inc(moved);
      this.promoted(consumerIds);
    }
    const waitMs = Math.min(POLL_MS, (await untilNextRetry(database)) ?? POLL_MS);
    this.nextAt = performance.now() + waitMs;
    return waitMs;
  }
}
