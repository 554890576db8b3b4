import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Database, type Node, release, untilNextScheduled } from '@app/storage';

/** What is scheduled meanwhile is found within this. */
const POLL_MS = 500;
/** What is due and locked is being released by another process, or cancelled. */
const LOCKED_MS = 50;

export interface Released {
  consumerIds: readonly number[];
  /** Messages that wait for their fan-out. */
  fanouts: number;
}

/** Sends out scheduled messages when they are due. */
export class ReleaseLoop {
  readonly loop: Repeat;

  constructor(
    private readonly parts: { database: Database; node: Node; metrics: DispatcherMetrics; inlineFanout: number },
    log: Log,
    private readonly released: (released: Released) => void,
  ) {
    this.loop = new Repeat({ name: 'release', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** One batch, if one is due; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    const { database, node, metrics, inlineFanout } = this.parts;
    const waitMs = await untilNextScheduled(database);
    if (waitMs !== 0) return Math.min(POLL_MS, waitMs ?? POLL_MS);
    const batch = await release(database, () => node.mint(), { inlineFanout });
    metrics.released.inc(batch.released);
    for (const reason of batch.unjudged) metrics.filtersUnjudged.inc({ reason });
    if (batch.released > 0) this.released(batch);
    return batch.released > 0 ? 0 : LOCKED_MS * (0.5 + Math.random());
  }
}
