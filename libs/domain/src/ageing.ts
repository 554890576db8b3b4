/** Of so many turns in a row that leave something waiting, one takes the oldest first. */
export const AGEING_TURNS = 10;
const MAX_KNOWN = 20_000;

/**
 * When the lowest priorities have their turn. A lane that gives all that is asked for may never come to its lower priorities, so every tenth of its turns takes
 * what has been ready the longest, whatever its priority. A lane that gave less has had everything, and begins to count anew.
 */
export class Ageing {
  private readonly turns = new Map<number, number>();

  /** Whether the next turn of this lane takes the oldest first. */
  isDue(lane: number): boolean {
    return (this.turns.get(lane) ?? 0) >= AGEING_TURNS - 1;
  }

  /** A turn is over; `oldestFirst`: it took the oldest first; `full`: there may be more. */
  turned(lane: number, { oldestFirst, full }: { oldestFirst: boolean; full: boolean }): void {
    if (oldestFirst || !full) this.turns.delete(lane);
    else {
      if (this.turns.size >= MAX_KNOWN) this.turns.clear();
      this.turns.set(lane, (this.turns.get(lane) ?? 0) + 1);
    }
  }
}
