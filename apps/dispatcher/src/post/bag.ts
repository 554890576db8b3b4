/** What a bag writes into its members. */
export interface Bagged {
  /** Where in its bag it is. */
  place?: number;
}

/**
 * Objects that come and go thousands of times a second, in no order. A Set does the same, but V8 makes a new table for it every few hundred changes, each is kept by the one
 * before it, and all of them keep what was in them until the old generation is collected (docs/decisions/0012).
 */
export class Bag<T extends Bagged> {
  private readonly members: T[] = [];

  add(member: T): void {
    member.place = this.members.push(member) - 1;
  }

  /** Nothing happens if it is not in the bag. */
  remove(member: T): void {
    const { place } = member;
    if (place === undefined) return;
    const last = this.members.pop()!;
    if (last !== member) {
      this.members[place] = last;
      last.place = place;
    }
    member.place = undefined;
  }

  [Symbol.iterator](): Iterator<T> {
    return [...this.members][Symbol.iterator]();
  }
}
