import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from './log.js';

export type RepeatOptions = {
  readonly name: string;
  readonly log: Log;
  /** Does the work once and answers after how many milliseconds to do it again; 0 is at once. Should end early when `signal` fires. */
  readonly doOnce: (signal: AbortSignal) => Promise<number>;
  /** How long a run may take, or a due run be late, before the loop counts as dead. */
  readonly staleAfterMs: number;
};

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1000;
const MAX_WAIT_MS = 2 ** 31 - 1;
const BURST_MS = 60_000;

/**
 * A loop that never ends by itself. One run at a time; `wake` during a run means run again at once. A run that throws is logged once a
 * burst (at most once a minute while it lasts) and repeated with back-off and jitter up to 1 s, which `wake` does not shorten.
 */
export class Repeat {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private woken = false;
  private interrupt: (() => void) | undefined;
  private failures = 0;
  private loggedAt = -Infinity;
  /** By the monotonic clock: when the loop was last seen to live, or will be. */
  private expectedAt = performance.now();
  private beatAt = Date.now();

  constructor(private readonly options: RepeatOptions) {}

  /** Begins the loop; a second call does nothing. Throws when it was stopped. */
  start(): void {
    if (this.stopping.signal.aborted) throw new Error(`loop ${this.options.name} was stopped`);
    this.loop ??= this.run();
  }

  /** Run at once, or once more after the present run. Cheap: call it as often as you like. */
  wake(): void {
    this.woken = true;
    this.interrupt?.();
  }

  /** Fires the signal of the present run and waits for its end. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.interrupt?.();
    await this.loop;
  }

  /** Unix ms of the last beginning or end of a run. */
  get lastBeatAt(): number {
    return this.beatAt;
  }

  /** Whether a run takes, or is late by, more than `staleAfterMs`. False before `start` and after `stop`. */
  get stale(): boolean {
    const watched = this.loop !== undefined && !this.stopping.signal.aborted;
    return watched && performance.now() - this.expectedAt > this.options.staleAfterMs;
  }

  get name(): string {
    return this.options.name;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    await nextTurn();
    while (!signal.aborted) {
      this.woken = false;
      this.beat(0);
      try {
        const waitMs = bounded(await this.options.doOnce(signal));
        this.recovered();
        this.beat(waitMs);
        await this.pause(waitMs, () => this.woken || signal.aborted);
      } catch (error) {
        if (signal.aborted) return;
        const waitMs = this.failed(error);
        this.beat(waitMs);
        await this.pause(waitMs, () => signal.aborted);
      }
    }
  }

  private beat(waitMs: number): void {
    this.beatAt = Date.now();
    this.expectedAt = performance.now() + waitMs;
  }

  private async pause(ms: number, mayEnd: () => boolean): Promise<void> {
    await nextTurn();
    if (ms === 0 || mayEnd()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.interrupt = () => {
        if (!mayEnd()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.interrupt = undefined;
  }

  private failed(error: unknown): number {
    const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.failures++, 10));
    if (performance.now() - this.loggedAt > BURST_MS) {
      this.loggedAt = performance.now();
      this.options.log.error({ err: error, loop: this.options.name, failures: this.failures }, 'loop.failed');
    }
    return ceiling / 2 + (Math.random() * ceiling) / 2;
  }

  private recovered(): void {
    if (this.failures === 0) return;
    this.options.log.info({ loop: this.options.name, failures: this.failures }, 'loop.recovered');
    this.failures = 0;
    this.loggedAt = -Infinity;
  }
}

const bounded = (ms: number): number => (Number.isNaN(ms) ? MAX_BACKOFF_MS : Math.min(Math.max(ms, 0), MAX_WAIT_MS));
