const LONGEST_MS = 1_000;

/** Lanes that wait for their rate limit: they hold no slot, no lease and no place in the ring, and come back when it is time. */
export class Throttle {
  private readonly timers = new Map<number, NodeJS.Timeout>();

  constructor(
    private readonly due: (consumerId: number) => void,
    private readonly waiting: (lanes: number) => void,
  ) {}

  /** At most `LONGEST_MS`: settings change. A lane that waits already keeps its time. */
  wait(consumerId: number, ms: number): void {
    if (this.timers.has(consumerId)) return;
    const timer = setTimeout(
      () => {
        this.end(consumerId);
        this.due(consumerId);
      },
      Math.min(LONGEST_MS, Math.ceil(ms)),
    );
    this.timers.set(consumerId, timer.unref());
    this.waiting(this.timers.size);
  }

  /** What the lane waited for is not so any more. */
  end(consumerId: number): void {
    clearTimeout(this.timers.get(consumerId));
    if (this.timers.delete(consumerId)) this.waiting(this.timers.size);
  }
}
