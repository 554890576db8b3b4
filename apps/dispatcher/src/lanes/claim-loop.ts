import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Claimed, type Database, type LaneWish, type Node, type Outgoing, claim, giveBack } from '@app/storage';
import type { Holds } from './holds.js';
import type { LaneCursors } from './lane-cursors.js';
import type { Pace } from './pace.js';
import type { Ring } from './ring.js';
import type { Slots } from './slots.js';
import type { Target, Targets } from './targets.js';

/** Lanes in one claim transaction. */
const LANES_PER_CLAIM = 32;
/** While a lane is in flight, its next turn comes after this, rather than row by row. */
const GATHER_MS = 2;
/** After a turn that gave so many rows it comes later: larger claims cost less for each row, and more rows come in the meantime. */
const BUSY_ROWS = 24;
const BUSY_GATHER_MS = 8;
/** Nothing may be claimed: whoever frees a slot or adds a lane wakes the loop; if a wake is lost, look again. */
const IDLE_MS = 1_000;
/** Between the last moment of an attempt and the end of its lease, beside the time to settle. */
const LEASE_MARGIN_MS = 5_000;

/** A delivery that this process owns until its lease ends. */
export interface Work {
  claim: Claimed;
  target: Target;
  /** Undefined when it is not there any more: its partition was dropped while the delivery waited. */
  message: Outgoing | undefined;
  /** By the monotonic clock, which runs on while a process is frozen: an attempt must be able to end and settle before this. */
  leaseEndsAt: number;
  /** Set for the one that stands for all that are posted together. */
  batched?: true;
}

export interface ClaimSettings {
  deliveryTimeoutMs: number;
  maxInFlightPerConsumer: number;
  settleTimeMs: number;
}

interface Parts {
  database: Database;
  node: Node;
  ring: Ring;
  cursors: LaneCursors;
  slots: Slots;
  pace: Pace;
  holds: Holds;
  targets: Targets;
  metrics: DispatcherMetrics;
}

/** Rings through the lanes and claims as many rows as there are free slots, and a moment's work ahead for consumers that answer fast. */
export class ClaimLoop {
  readonly loop: Repeat;
  /** When a lane that is in flight may have its next turn, monotonic. */
  private readonly nextTurnAt = new Map<number, number>();
  /** Lanes whose consumer has no free slot; they come back to the ring when one is released. */
  private readonly parked = new Set<number>();

  constructor(
    private readonly parts: Parts,
    private readonly settings: ClaimSettings,
    log: Log,
    private readonly begin: (work: Work[]) => void,
  ) {
    this.loop = new Repeat({ name: 'claim', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** Consumers that may have something due. */
  add(consumerIds: Iterable<number>): void {
    this.parts.ring.add(consumerIds);
    this.loop.wake();
  }

  /** An attempt is over: its consumer may have another one. */
  attempted(consumerId: number): void {
    const { slots, ring } = this.parts;
    slots.free(consumerId);
    if (this.parked.delete(consumerId)) ring.add([consumerId]);
    if (ring.size > 0) this.loop.wake();
  }

  /** A claim has ended. */
  settled(): void {
    const { slots, ring, metrics } = this.parts;
    slots.settle();
    metrics.inFlight.set(slots.used);
    if (ring.size > 0) this.loop.wake();
  }

  /** One claim transaction at most; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    const { wishes, gathering } = this.wishes();
    if (wishes.length === 0) return gathering ? GATHER_MS : IDLE_MS;
    try {
      await this.claimAndBegin(wishes);
    } catch (error) {
      this.parts.ring.add(wishes.map((wish) => wish.consumerId));
      throw error;
    }
    return this.parts.ring.size > 0 ? 0 : IDLE_MS;
  }

  private async claimAndBegin(wishes: readonly LaneWish[]): Promise<void> {
    const { database, node, cursors, slots, targets, metrics } = this.parts;
    const startedAt = performance.now();
    const end = metrics.claimSeconds.startTimer();
    const { claimed, messages, rescued, versions } = await claim(database, wishes, node.mint());
    end();
    if (rescued > 0) metrics.rescued.inc(rescued);
    cursors.took(wishes, claimed, startedAt);
    this.putBack(wishes, claimed);
    if (claimed.length === 0) return;
    // If this fails the rows stay leased and are rescued when the lease runs out.
    const known = await targets.at(versions);
    const leases = new Map(wishes.map((wish) => [wish.consumerId, wish.leaseMs]));
    const work: Work[] = [];
    /** Of consumers that were deleted, or whose type became pull, since they were claimed. */
    const strays: Claimed[] = [];
    for (const one of claimed) {
      const target = known.get(one.consumerId);
      if (!target) {
        strays.push(one);
        continue;
      }
      slots.take(one.consumerId);
      work.push({ claim: one, target, message: messages.get(one.messageId), leaseEndsAt: startedAt + leases.get(one.consumerId)! });
    }
    metrics.inFlight.set(slots.used);
    this.begin(work);
    await giveBack(database, strays);
  }

  private wishes(): { wishes: LaneWish[]; gathering: boolean } {
    const { ring, cursors, slots } = this.parts;
    const free = slots.left;
    if (free <= 0) return { wishes: [], gathering: false };
    const now = performance.now();
    const full: number[] = [];
    let gathering = false;
    const lanes = ring.take(Math.min(LANES_PER_CLAIM, free), (id) => {
      const mine = Math.min(this.freeOf(id), free);
      if (mine <= 0) full.push(id);
      const may = mine > 0 && this.mayRun(id, now);
      gathering ||= mine > 0 && !may;
      return may;
    });
    for (const id of full) {
      ring.remove(id);
      this.parked.add(id);
    }
    const share = Math.max(1, Math.floor(free / Math.max(1, lanes.length)));
    const wish = (consumerId: number): LaneWish => ({
      consumerId,
      limit: Math.min(share, this.freeOf(consumerId)),
      leaseMs: this.leaseMs(consumerId),
      from: cursors.boundsOf(consumerId),
    });
    return { wishes: lanes.map(wish), gathering };
  }

  /** At once when nothing of it is in flight, else after its slots and rows were gathered for a moment. */
  private mayRun(consumerId: number, now: number): boolean {
    if (this.parts.slots.usedBy(consumerId) > 0) return now >= (this.nextTurnAt.get(consumerId) ?? -Infinity);
    this.nextTurnAt.delete(consumerId);
    return true;
  }

  private freeOf(consumerId: number): number {
    const { targets, slots, pace, holds } = this.parts;
    if (holds.isHeld(consumerId)) return 0;
    const target = targets.peek(consumerId);
    const limit = target?.maxInFlight ?? this.settings.maxInFlightPerConsumer;
    if (target?.batch) return limit * target.batch.maxMessages - slots.usedBy(consumerId);
    return limit + pace.ahead(consumerId, limit) - slots.usedBy(consumerId);
  }

  private leaseMs(consumerId: number): number {
    const target = this.parts.targets.peek(consumerId);
    const timeoutMs = target?.timeoutMs ?? this.settings.deliveryTimeoutMs;
    return timeoutMs + (target?.batch?.maxWaitMs ?? 0) + this.settings.settleTimeMs + LEASE_MARGIN_MS;
  }

  /** A lane that gave all that was asked for may have more; one that gave less is empty for now, or not open. */
  private putBack(wishes: readonly LaneWish[], claimed: readonly Claimed[]): void {
    const counts = new Map<number, number>();
    for (const { consumerId } of claimed) counts.set(consumerId, (counts.get(consumerId) ?? 0) + 1);
    const now = performance.now();
    for (const { consumerId, limit } of wishes) {
      const given = counts.get(consumerId) ?? 0;
      if (given === limit) this.parts.ring.add([consumerId]);
      if (given > 0) this.nextTurnAt.set(consumerId, now + (given >= BUSY_ROWS ? BUSY_GATHER_MS : GATHER_MS));
    }
  }
}
