import type { Log } from './log.js';

const EVERY_MS = 60_000;

/** Tells of a failure that comes again and again: when it begins, then once a minute while it lasts, and when it is over. */
export class Burst {
  private failures = 0;
  private toldAt = -Infinity;

  constructor(
    private readonly log: Log,
    private readonly level: 'warn' | 'error',
    private readonly events: { failed: string; recovered: string },
    private readonly fields: Record<string, unknown> = {},
  ) {}

  /** Returns how many times in a row it has failed now: 1, 2, … */
  failed(error: unknown): number {
    this.failures++;
    if (performance.now() - this.toldAt > EVERY_MS) {
      this.toldAt = performance.now();
      this.log[this.level]({ err: error, ...this.fields, failures: this.failures }, this.events.failed);
    }
    return this.failures;
  }

  recovered(): void {
    if (this.failures === 0) return;
    this.log.info({ ...this.fields, failures: this.failures }, this.events.recovered);
    this.failures = 0;
    this.toldAt = -Infinity;
  }
}
