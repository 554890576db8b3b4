import { EPOCH_MS, firstIdAt, msOf } from '@app/domain';
import type { BoundLane, Claimed, LaneBound, LaneWish } from '@app/storage';

/** Rows that this process takes from a lane before it remembers how far it came: stepping over fewer costs nothing that can be measured. */
export const HOT_ROWS = 1_000;
/** How much later than a younger row a row may become visible: its commit was waited for, or the clock of the process that made it is behind. */
export const MARGIN_MS = 2_000;
/** The margin doubles each time that it was too small, up to this. */
const MAX_MARGIN_MS = 64_000;
/** A lane that gives nothing for so long begins anew. */
const FORGET_MS = 60_000;

interface Cursor {
  /** Rows taken. */
  taken: number;
  /** Unix ms of the youngest row taken from each rank. */
  youngestMs: Map<number, number>;
  marginMs: number;
  /** Something lies below the bounds: claims begin at the head until they have come past it. */
  behind: boolean;
  usedAt: number;
}

/**
 * How far this process came in each lane. While an old snapshot is open somewhere, InnoDB keeps the rows that were settled, and a claim that begins at
 * the head of a busy lane steps over all of them: 100 ns each on MariaDB, 260 ns on MySQL. A claim from a busy lane therefore begins, in each rank,
 * `MARGIN_MS` before the youngest row that was taken from it (docs/decisions/0017).
 *
 * The bounds only say where to look. Rows may lie below them: leases that ran out, claims that were given back, messages whose commit or clock was
 * late. Whoever keeps cursors looks there every now and then ({@link bound}) and says so ({@link lookBehind}). Times are passed in, monotonic ms.
 */
export class LaneCursors {
  private readonly cursors = new Map<number, Cursor>();

  /** Where a claim from the lane begins; empty for at its head. */
  boundsOf(consumerId: number): LaneBound[] {
    const cursor = this.cursors.get(consumerId);
    return cursor && !cursor.behind ? bounds(cursor) : [];
  }

  /** Notes what a claim took, in the order in which it did, from all the lanes of `wishes`. */
  took(wishes: readonly LaneWish[], claimed: readonly Claimed[], now: number): void {
    const counts = new Map<number, number>();
    const last = new Map<number, Claimed>();
    for (const one of claimed) {
      counts.set(one.consumerId, (counts.get(one.consumerId) ?? 0) + 1);
      last.set(one.consumerId, one);
    }
    for (const { consumerId, limit, oldestFirst } of wishes) {
      // Not in the order of the lane: says nothing of how far it was gone through.
      if (oldestFirst) continue;
      const cursor = this.cursors.get(consumerId);
      if (cursor?.behind && !((counts.get(consumerId) ?? 0) === limit && isBelow(last.get(consumerId)!, bounds(cursor))))
        cursor.behind = false;
    }
    for (const { consumerId, rank, seq } of claimed) {
      const cursor = this.cursors.get(consumerId) ?? this.begin(consumerId);
      cursor.taken++;
      cursor.usedAt = now;
      cursor.youngestMs.set(rank, Math.max(cursor.youngestMs.get(rank) ?? 0, msOf(seq)));
    }
  }

  /** The lanes that are not claimed from at their head. Forgets those that have been still. */
  bound(now: number): BoundLane[] {
    for (const [id, cursor] of this.cursors) if (now - cursor.usedAt > FORGET_MS) this.cursors.delete(id);
    return [...this.cursors.keys()]
      .map((consumerId) => ({ consumerId, from: this.boundsOf(consumerId) }))
      .filter(({ from }) => from.length > 0);
  }

  /** Something was found below the bounds of a lane: `late` when nobody ever held it, so that the margin was too small. */
  lookBehind(consumerId: number, late: boolean): void {
    const cursor = this.cursors.get(consumerId);
    if (!cursor) return;
    cursor.behind = true;
    if (late) cursor.marginMs = Math.min(MAX_MARGIN_MS, cursor.marginMs * 2);
  }

  private begin(consumerId: number): Cursor {
    const cursor: Cursor = { taken: 0, youngestMs: new Map(), marginMs: MARGIN_MS, behind: false, usedAt: 0 };
    this.cursors.set(consumerId, cursor);
    return cursor;
  }
}

function bounds({ taken, youngestMs, marginMs }: Cursor): LaneBound[] {
  if (taken < HOT_ROWS) return [];
  return [...youngestMs].map(([rank, ms]) => ({ rank, seq: firstIdAt(Math.max(EPOCH_MS, ms - marginMs)) }));
}

const isBelow = ({ rank, seq }: Claimed, from: readonly LaneBound[]): boolean =>
  from.some((bound) => bound.rank === rank && BigInt(seq) < BigInt(bound.seq));
