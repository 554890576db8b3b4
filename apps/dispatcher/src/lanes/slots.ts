/**
 * How much may be in flight in this process: in all (from claim to settle), in payload bytes, and for each consumer (from claim to the end of its
 * attempt: what waits to be settled does not keep a consumer busy).
 */
export class Slots {
  private readonly byConsumer = new Map<number, number>();
  private count = 0;
  private bytes = 0;

  constructor(
    private readonly limit: number,
    private readonly byteLimit: number,
  ) {}

  get used(): number {
    return this.count;
  }

  /** Slots that may be taken; 0 while the payloads in flight exceed their limit. */
  get left(): number {
    return this.bytes >= this.byteLimit ? 0 : this.limit - this.count;
  }

  usedBy(consumerId: number): number {
    return this.byConsumer.get(consumerId) ?? 0;
  }

  take(consumerId: number): void {
    this.count++;
    this.byConsumer.set(consumerId, this.usedBy(consumerId) + 1);
  }

  /** The attempt is over. */
  free(consumerId: number): void {
    const left = this.usedBy(consumerId) - 1;
    if (left > 0) this.byConsumer.set(consumerId, left);
    else this.byConsumer.delete(consumerId);
  }

  /** The outcome is written, or the claim given back. */
  settle(): void {
    this.count--;
  }

  hold(bytes: number): void {
    this.bytes += bytes;
  }

  drop(bytes: number): void {
    this.bytes -= bytes;
  }
}
