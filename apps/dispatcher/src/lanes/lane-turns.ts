import { Ageing } from '@app/domain';
import type { DispatcherMetrics } from '@app/runtime';
import type { Claimed, LaneWish } from '@app/storage';
import type { Allowances } from './allowances.js';
import type { LaneCursors } from './lane-cursors.js';
import type { Limits } from './limits.js';
import type { Ring } from './ring.js';
import type { Slots } from './slots.js';
import type { Target } from './targets.js';
import { Throttle } from './throttle.js';

/** Lanes in one claim transaction. */
const LANES_PER_CLAIM = 32;
/** Consumers whose settings are read in one statement. */
const LEARNT_AT_ONCE = 500;
/** While a lane is in flight, its next turn comes after this, rather than row by row. */
export const GATHER_MS = 2;
/** After a turn that gave so many rows it comes later: larger claims cost less for each row, and more rows come in the meantime. */
const BUSY_ROWS = 24;
const BUSY_GATHER_MS = 8;
/** Between the last moment of an attempt and the end of its lease, beside the time to settle. */
const LEASE_MARGIN_MS = 5_000;

/** How long a delivery belongs to the process that claims it. */
export const leaseMsOf = ({ timeoutMs, batch }: Target, settleTimeMs: number): number =>
  timeoutMs + (batch?.maxWaitMs ?? 0) + settleTimeMs + LEASE_MARGIN_MS;

/** A lane's turn in a claim. */
export interface Turn {
  wish: LaneWish;
  target: Target;
}

interface Parts {
  ring: Ring;
  cursors: LaneCursors;
  slots: Slots;
  allowances: Allowances;
  limits: Limits;
  metrics: DispatcherMetrics;
}

/** Whose turn it is to be claimed for, for how much and in what order. */
export class LaneTurns {
  /** When a lane that is in flight may have its next turn, monotonic. */
  private readonly nextTurnAt = new Map<number, number>();
  /** Lanes whose consumer has no free slot; they come back to the ring when one is released. */
  private readonly parked = new Set<number>();
  private readonly throttle: Throttle;
  private readonly ageing = new Ageing();

  constructor(
    private readonly parts: Parts,
    private readonly settings: { settleTimeMs: number },
    private readonly ends: {
      /** A lane need not wait any more. */
      due: (consumerId: number) => void;
      /** The lane of a consumer whose backlog is worked off at a rate gave less than was asked for. */
      emptied: (target: Target) => void;
    },
  ) {
    this.throttle = new Throttle(ends.due, (lanes) => parts.metrics.throttledLanes.set(lanes));
  }

  /** An attempt is over. */
  attempted(consumerId: number): void {
    if (this.parked.delete(consumerId)) this.parts.ring.add([consumerId]);
  }

  /** The next turns; `unknown`: consumers whose settings must be known first; `gathering`: somebody waits for a moment. */
  next(): { turns: Turn[]; unknown: number[]; gathering: boolean } {
    const { ring, slots, allowances } = this.parts;
    const free = slots.left;
    const unknown: number[] = [];
    if (free <= 0) return { turns: [], unknown, gathering: false };
    const now = performance.now();
    const out: number[] = [];
    let gathering = false;
    const lanes = ring.take(Math.min(LANES_PER_CLAIM, free), (id) => {
      const allowance = allowances.of(id);
      if ('rows' in allowance) {
        const may = this.mayRun(id, now);
        gathering ||= !may;
        return may;
      }
      if (allowance.none === 'unknown') {
        if (unknown.length < LEARNT_AT_ONCE) unknown.push(id);
        return false;
      }
      out.push(id);
      if (allowance.none === 'full') this.parked.add(id);
      if (allowance.none === 'throttled') this.throttle.wait(id, this.parts.limits.waitMs(allowance.target));
      return false;
    });
    for (const id of out) ring.remove(id);
    const share = Math.max(1, Math.floor(free / Math.max(1, lanes.length)));
    return { turns: lanes.flatMap((id) => this.turnOf(id, share)), unknown, gathering };
  }

  /**
   * A lane that gave all that was asked for may have more; one that gave less is empty for now, or not open. The oldest may have been taken by others at the
   * same moment: whether there is more, the next turn tells.
   */
  took(turns: readonly Turn[], claimed: readonly Claimed[]): void {
    const { ring, limits, metrics } = this.parts;
    const counts = new Map<number, number>();
    for (const { consumerId } of claimed) counts.set(consumerId, (counts.get(consumerId) ?? 0) + 1);
    const now = performance.now();
    for (const { wish, target } of turns) {
      const { consumerId, limit, oldestFirst = false } = wish;
      const given = counts.get(consumerId) ?? 0;
      const full = given === limit;
      if (!target.batch) limits.back(target, limit - given);
      if (full || oldestFirst) ring.add([consumerId]);
      if (given > 0) this.nextTurnAt.set(consumerId, now + (given >= BUSY_ROWS ? BUSY_GATHER_MS : GATHER_MS));
      this.ageing.turned(consumerId, { oldestFirst, full });
      if (oldestFirst) metrics.agedClaims.inc();
      else if (!full && target.resumeRate !== null) this.ends.emptied(target);
    }
  }

  private turnOf(consumerId: number, most: number): Turn[] {
    const allowance = this.parts.allowances.of(consumerId);
    if (!('rows' in allowance)) return [];
    const { target, rows } = allowance;
    const wish = {
      consumerId,
      limit: Math.min(most, rows),
      leaseMs: leaseMsOf(target, this.settings.settleTimeMs),
      from: this.parts.cursors.boundsOf(consumerId),
      oldestFirst: this.ageing.isDue(consumerId),
    };
    return [{ wish, target }];
  }

  /** At once when nothing of it is in flight, else after its slots and rows were gathered for a moment. */
  private mayRun(consumerId: number, now: number): boolean {
    if (this.parts.slots.usedBy(consumerId) > 0) return now >= (this.nextTurnAt.get(consumerId) ?? -Infinity);
    this.nextTurnAt.delete(consumerId);
    return true;
  }
}
