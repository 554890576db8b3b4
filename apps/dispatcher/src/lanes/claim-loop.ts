import type { Failing, Id } from '@app/domain';
import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Claimed, type ClaimResult, type Database, type Node, type Outgoing, type Probe, claim, giveBack } from '@app/storage';
import type { Allowances } from './allowances.js';
import type { LaneCursors } from './lane-cursors.js';
import { isLimited, type Limits } from './limits.js';
import type { Ring } from './ring.js';
import { GATHER_MS, LaneTurns, type Turn } from './lane-turns.js';
import type { Slots } from './slots.js';
import type { Target, Targets } from './targets.js';

/** Nothing may be claimed: whoever frees a slot or adds a lane wakes the loop; if a wake is lost, look again. */
const IDLE_MS = 1_000;

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
  /** What its consumer's failures were when it was claimed; undefined: not all of the last attempts failed. */
  failing?: Failing;
  /** Set for the one that is to show whether the breaker may close. */
  probe?: Probe;
}

interface Parts {
  database: Database;
  node: Node;
  ring: Ring;
  cursors: LaneCursors;
  slots: Slots;
  allowances: Allowances;
  limits: Limits;
  targets: Targets;
  metrics: DispatcherMetrics;
}

/** What the loop hands on. */
export interface ClaimEnds {
  begin: (work: Work[]) => void;
  /** The lane of a consumer whose backlog is worked off at a rate gave less than was asked for. */
  emptied: (target: Target) => void;
}

/** Rings through the lanes and claims as many rows as there are free slots, and a moment's work ahead for consumers that answer fast. */
export class ClaimLoop {
  readonly loop: Repeat;
  private readonly turns: LaneTurns;

  constructor(
    private readonly parts: Parts,
    settings: { settleTimeMs: number },
    log: Log,
    private readonly ends: ClaimEnds,
  ) {
    this.loop = new Repeat({ name: 'claim', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
    this.turns = new LaneTurns(parts, settings, { due: (id) => this.add([id]), emptied: ends.emptied });
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
    this.turns.attempted(consumerId);
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
    const { turns, unknown, gathering } = this.turns.next();
    if (turns.length > 0) await this.claimAndBegin(turns);
    if (unknown.length > 0) await this.learn(unknown);
    if (turns.length + unknown.length === 0) return gathering ? GATHER_MS : IDLE_MS;
    return this.parts.ring.size > 0 ? 0 : IDLE_MS;
  }

  private async learn(unknown: readonly number[]): Promise<void> {
    for (const id of await this.parts.targets.learn(unknown)) this.parts.ring.remove(id);
  }

  private async claimAndBegin(turns: readonly Turn[]): Promise<void> {
    const { node, cursors, metrics } = this.parts;
    const wishes = turns.map(({ wish }) => wish);
    const startedAt = performance.now();
    const end = metrics.claimSeconds.startTimer();
    const result = await this.claim(turns, node.mint());
    end();
    cursors.took(wishes, result.claimed, startedAt);
    this.turns.took(turns, result.claimed);
    const leases = new Map(wishes.map((wish) => [wish.consumerId, wish.leaseMs]));
    await this.begin(result, { leases, startedAt }, (known) => this.keeping(turns, result.claimed, known));
  }

  /** Begins what was claimed to see whether a breaker may close. */
  beginProbe(result: ClaimResult & { probe: Probe }, leaseMs: number, startedAt: number): Promise<void> {
    return this.begin(result, { leases: new Map([[result.probe.consumerId, leaseMs]]), startedAt }, () => () => true);
  }

  private async begin(
    result: ClaimResult & { probe?: Probe },
    { leases, startedAt }: { leases: ReadonlyMap<number, number>; startedAt: number },
    keeping: (known: ReadonlyMap<number, Target>) => (target: Target) => boolean,
  ): Promise<void> {
    const { database, slots, targets, metrics } = this.parts;
    const { claimed, messages, rescued, versions, failing, probe } = result;
    if (rescued > 0) metrics.rescued.inc(rescued);
    if (claimed.length === 0) return;
    // If this fails the rows stay leased and are rescued when the lease runs out.
    const known = await targets.at(versions);
    const work: Work[] = [];
    /** Of consumers that were deleted, or whose type or limits are others, since the claim was asked for. */
    const strays: Claimed[] = [];
    const mayKeep = keeping(known);
    for (const one of claimed) {
      const target = known.get(one.consumerId);
      if (!target || !mayKeep(target)) {
        strays.push(one);
        continue;
      }
      slots.take(one.consumerId);
      const leaseEndsAt = startedAt + leases.get(one.consumerId)!;
      work.push({ claim: one, target, message: messages.get(one.messageId), leaseEndsAt, failing: failing.get(one.consumerId), probe });
    }
    metrics.inFlight.set(slots.used);
    this.ends.begin(work);
    this.parts.ring.add(strays.map(({ consumerId }) => consumerId));
    await giveBack(database, strays);
  }

  /** Of a consumer whose settings are others than the claim was asked for with: as many rows as they allow. */
  private keeping(turns: readonly Turn[], claimed: readonly Claimed[], known: ReadonlyMap<number, Target>): (target: Target) => boolean {
    const { allowances, limits } = this.parts;
    const changed = new Set<Target>();
    for (const { wish, target: asked } of turns) {
      const target = known.get(wish.consumerId);
      if (!target || target === asked) continue;
      changed.add(target);
      if (!asked.batch && isLimited(asked)) limits.back(target, claimed.filter(({ consumerId }) => consumerId === wish.consumerId).length);
    }
    return (target) => {
      if (!changed.has(target)) return true;
      if (!('rows' in allowances.of(target.consumerId))) return false;
      if (!target.batch) limits.take(target, 1);
      return true;
    };
  }

  /** A request is taken from the consumer's rate for each row that is asked for; a batch takes its one when it leaves. */
  private async claim(turns: readonly Turn[], token: Id): Promise<ClaimResult> {
    const { database, ring, limits } = this.parts;
    for (const { wish, target } of turns) if (!target.batch) limits.take(target, wish.limit);
    try {
      return await claim(
        database,
        turns.map(({ wish }) => wish),
        token,
      );
    } catch (error) {
      for (const { wish, target } of turns) if (!target.batch) limits.back(target, wish.limit);
      ring.add(turns.map(({ wish }) => wish.consumerId));
      throw error;
    }
  }
}
