import { setImmediate as nextTurn } from 'node:timers/promises';
import { backOffMs } from '@app/domain';
import { Burst } from './burst.js';
import type { Log } from './log.js';

export type RepeatOptions = {
  readonly name: string;
  readonly log: Log;
  /** Does the work once and answers after how many milliseconds to do it again; 0 is at once. Should end early when `signal` fires. */
  readonly doOnce: (signal: AbortSignal) => Promise<number>;
  /** How long a run may take, or a due run be late, before the loop counts as dead. */
  readonly staleAfterMs: number;
};

/**
 * For loops that use the database: longer than a run may take while it says nothing, which is a few times DATABASE_TIMEOUT_MS (at most 30 s). A process
 * must not be restarted because its database is away.
 */
export const STALE_MS = 180_000;

const BACK_OFF = { firstMs: 50, capMs: 1000 };
const MAX_WAIT_MS = 2 ** 31 - 1;

/**
 * A loop that never ends by itself. One run at a time; `wake` during a run means run again at once. A run that throws is logged once a
 * burst (at most once a minute while it lasts) and repeated with back-off and jitter up to 1 s, which `wake` does not shorten.
 */
export class Repeat {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private woken = false;
  private interrupt: (() => void) | undefined;
  private readonly burst: Burst;
  /** By the monotonic clock: when the loop was last seen to live, or will be. */
  private expectedAt = performance.now();
  private beatAt = Date.now();

  constructor(private readonly options: RepeatOptions) {
    this.burst = new Burst(options.log, 'error', { failed: 'loop.failed', recovered: 'loop.recovered' }, { loop: options.name });
  }

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
        this.burst.recovered();
        this.beat(waitMs);
        await this.pause(waitMs, () => this.woken || signal.aborted);
      } catch (error) {
        if (signal.aborted) return;
        const waitMs = backOffMs(BACK_OFF, this.burst.failed(error), Math.random());
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
}

const bounded = (ms: number): number => (Number.isNaN(ms) ? BACK_OFF.capMs : Math.min(Math.max(ms, 0), MAX_WAIT_MS));
