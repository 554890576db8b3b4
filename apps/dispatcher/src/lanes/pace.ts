/** What is claimed ahead of a free turn should have its turn within this. */
const AHEAD_MS = 50;
const MAX_AHEAD = 128;
/** Share of the newest attempt in the mean. */
const WEIGHT = 0.1;
const MAX_KNOWN = 20_000;

/**
 * How fast each consumer answers, and so how many rows may be claimed for it beyond what it has in flight: a quick consumer's turns come round faster
 * than claims do, and larger claims cost less for each row. A consumer that is slow, fails or is new is claimed for only what it can take now.
 */
export class Pace {
  private readonly meanMs = new Map<number, number>();

  delivered(consumerId: number, durationMs: number): void {
    const mean = this.meanMs.get(consumerId);
    if (mean === undefined && this.meanMs.size >= MAX_KNOWN) this.meanMs.clear();
    this.meanMs.set(consumerId, mean === undefined ? durationMs : mean + WEIGHT * (durationMs - mean));
  }

  failed(consumerId: number): void {
    this.meanMs.delete(consumerId);
  }

  /** Rows beyond `maxInFlight`, 0 to 128. */
  ahead(consumerId: number, maxInFlight: number): number {
    const mean = this.meanMs.get(consumerId);
    return mean === undefined ? 0 : Math.min(MAX_AHEAD, Math.floor((maxInFlight * AHEAD_MS) / Math.max(1, mean)));
  }
}
