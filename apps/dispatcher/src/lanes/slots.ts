/** Who may have how much in flight in this process: in all, in payload bytes, and for each consumer. A slot is held from claim to settle. */
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

  /** Free slots; 0 while the payloads in flight exceed their limit. */
  get free(): number {
    return this.bytes >= this.byteLimit ? 0 : this.limit - this.count;
  }

  usedBy(consumerId: number): number {
    return this.byConsumer.get(consumerId) ?? 0;
  }

  take(consumerId: number): void {
    this.count++;
    this.byConsumer.set(consumerId, this.usedBy(consumerId) + 1);
  }

  release(consumerId: number): void {
    this.count--;
    const left = this.usedBy(consumerId) - 1;
    if (left > 0) this.byConsumer.set(consumerId, left);
    else this.byConsumer.delete(consumerId);
  }

  hold(bytes: number): void {
    this.bytes += bytes;
  }

  drop(bytes: number): void {
    this.bytes -= bytes;
  }
}
