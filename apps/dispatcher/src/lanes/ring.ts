/** Consumers that may have something due, in the order in which they get their turn. Whoever had a turn and is put back goes to the end. */
export class Ring {
  private readonly lanes = new Set<number>();

  get size(): number {
    return this.lanes.size;
  }

  /** Puts lanes at the end unless they are in the ring already. */
  add(consumerIds: Iterable<number>): void {
    for (const id of consumerIds) this.lanes.add(id);
  }

  remove(consumerId: number): void {
    this.lanes.delete(consumerId);
  }

  /**
   * Takes the next lanes that `mayRun` out of the ring, at most `count`. They are out while they have their turn, so that one which is added
   * meanwhile is seen to have something new.
   */
  take(count: number, mayRun: (consumerId: number) => boolean): number[] {
    const chosen: number[] = [];
    for (const id of this.lanes) {
      if (chosen.length === count) break;
      if (mayRun(id)) chosen.push(id);
    }
    for (const id of chosen) this.lanes.delete(id);
    return chosen;
  }
}
