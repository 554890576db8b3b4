import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Database, type Node, type Settlement, isUnavailable, settle } from '@app/storage';
import type { Outcome } from './observe.js';

const BATCH = 256;
const IDLE_MS = 1_000;
/** After a batch, outcomes are gathered for this long unless a batch waits: an eighth of the transactions under load, and nobody waits for one. */
const GATHER_MS = 20;
/** The next of a key waits for the one before it. */
const GATHER_KEYS_MS = 10;

/** Writes outcomes in batches that follow the commit: what finished while the last batch was written is the next one. Repeats until it succeeds. */
export class Settler {
  readonly loop: Repeat;
  private queue: Outcome[] = [];
  private emptied: (() => void) | undefined;
  private writing = 0;
  private gathering = false;

  constructor(
    private readonly parts: { database: Database; node: Node; metrics: DispatcherMetrics; log: Log },
    private readonly settled: (batch: readonly Outcome[], lost: ReadonlySet<Settlement>) => void,
  ) {
    this.loop = new Repeat({ name: 'settle', log: parts.log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  add(outcome: Outcome): void {
    this.queue.push(outcome);
    if (this.writing === 0 && (!this.gathering || this.queue.length >= BATCH)) this.loop.wake();
  }

  /** Waits until everything added so far is written, or refused because somebody else owns it now. */
  async flush(): Promise<void> {
    if (this.queue.length === 0 && this.writing === 0) return;
    await new Promise<void>((resolve) => (this.emptied = resolve));
  }

  /** One batch; answers in how many ms to go on. */
  async doOnce(): Promise<number> {
    const batch = this.queue.slice(0, BATCH);
    this.gathering = batch.length > 0;
    if (batch.length === 0) return IDLE_MS;
    this.writing = batch.length;
    try {
      const end = this.parts.metrics.settleSeconds.startTimer();
      const lost = await this.write(batch);
      end();
      this.queue.splice(0, batch.length);
      this.settled(batch, lost);
    } finally {
      this.writing = 0;
    }
    if (this.queue.length === 0) this.emptied?.();
    if (this.queue.length >= BATCH) return 0;
    return batch.some(({ claim }) => claim.key) ? GATHER_KEYS_MS : GATHER_MS;
  }

  /** Returns those that are not ours to settle any more. */
  private async write(batch: readonly Settlement[]): Promise<Set<Settlement>> {
    const { database, node, metrics, log } = this.parts;
    try {
      const { fenced } = await settle(database, batch, node);
      metrics.fenced.inc(fenced.length);
      for (const { claim } of fenced)
        log.warn({ message: claim.messageId, consumerId: claim.consumerId, attempt: claim.attempt }, 'delivery.fenced');
      return new Set(fenced);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      if (batch.length > 1) {
        // One outcome that the database refuses must not hold up the others.
        const lost = new Set<Settlement>();
        for (const one of batch) for (const none of await this.write([one])) lost.add(none);
        return lost;
      }
      log.error({ err: error, message: batch[0]!.claim.messageId }, 'delivery.not-settled');
      return new Set(batch);
    }
  }
}
