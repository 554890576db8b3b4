/** How old the count may be while it is used. */
const REFRESH_MS = 1_000;

/** How many ingest processes live, this one among them. Counted again in the background while somebody asks, and only then. */
export class LiveNodes {
  private known = 1;
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly read: () => Promise<number>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get count(): number {
    if (this.now() - this.readAt > REFRESH_MS) void this.refresh();
    return this.known;
  }

  /** Never rejects: without an answer the last count holds, and is asked for again after a second. */
  async refresh(): Promise<void> {
    this.reading ??= this.read()
      .then(
        (count) => void (this.known = Math.max(1, count)),
        () => undefined,
      )
      .finally(() => {
        this.readAt = this.now();
        this.reading = undefined;
      });
    await this.reading;
  }
}
