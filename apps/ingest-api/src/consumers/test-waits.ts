import { setTimeout as sleep } from 'node:timers/promises';

/** Answers that wait at a time; a further one does not wait. */
const MAX_WAITS = 32;
const FIRST_LOOK_MS = 25;
const LOOK_MS = 500;

/** Waits for outcomes by looks that grow rarer: 25 ms, 50 ms, … 500 ms, each one row by its key. */
export class TestWaits {
  private readonly closing = new AbortController();
  private waits = 0;

  /** False when the time was up, too many wait already, or the process ends. */
  async until(isSo: () => Promise<boolean>, withinMs: number): Promise<boolean> {
    if (withinMs === 0 || this.waits >= MAX_WAITS) return false;
    const end = performance.now() + withinMs;
    this.waits++;
    try {
      for (let ms = FIRST_LOOK_MS; !this.closing.signal.aborted; ms = Math.min(LOOK_MS, ms * 2)) {
        const left = end - performance.now();
        // Aborted: looks once more, and ends.
        await sleep(Math.max(0, Math.min(ms, left)), undefined, { signal: this.closing.signal }).catch(() => undefined);
        if (await isSo()) return true;
        if (left <= ms) return false;
      }
      return false;
    } finally {
      this.waits--;
    }
  }

  close(): void {
    this.closing.abort();
  }
}
