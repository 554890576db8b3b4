import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Database, fanOut } from '@app/storage';

const BUSY_MS = 250;
const IDLE_MS = 1_000;

/** Makes the deliveries of messages whose channel has too many consumers for the accepting transaction. */
export class FanOutLoop {
  readonly loop: Repeat;
  private waitMs = BUSY_MS;

  constructor(
    private readonly parts: { database: Database; metrics: DispatcherMetrics },
    log: Log,
    private readonly made: (consumerIds: readonly number[]) => void,
  ) {
    this.loop = new Repeat({ name: 'fan-out', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** One step of up to 1000 consumers of one message; answers in how many ms to go on. */
  async doOnce(): Promise<number> {
    const step = await fanOut(this.parts.database);
    if (!step) {
      this.waitMs = Math.min(IDLE_MS, this.waitMs * 2);
      return this.waitMs * (0.75 + Math.random() / 2);
    }
    this.parts.metrics.fannedOut.inc(step.deliveries);
    for (const reason of step.unjudged) this.parts.metrics.filtersUnjudged.inc({ reason });
    this.made(step.consumerIds);
    this.waitMs = BUSY_MS;
    return 0;
  }
}
