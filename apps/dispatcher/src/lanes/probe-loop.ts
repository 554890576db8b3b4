import { type DispatcherMetrics, type Log, Repeat, STALE_MS } from '@app/runtime';
import { claimProbe, type ClaimResult, type Database, dueProbes, type Node, type Probe } from '@app/storage';
import type { Allowances } from './allowances.js';
import { leaseMsOf } from './lane-turns.js';
import type { Limits } from './limits.js';
import type { Slots } from './slots.js';
import type { Target, Targets } from './targets.js';

/** A breaker that has been open long enough is noticed within this. */
const EVERY_MS = 1_000;
/** Breakers in one look. */
const MOST = 100;

interface Parts {
  database: Database;
  node: Node;
  slots: Slots;
  allowances: Allowances;
  limits: Limits;
  targets: Targets;
  metrics: DispatcherMetrics;
}

export type ProbeClaim = ClaimResult & { probe: Probe };

/** Tries one delivery of each consumer whose breaker has been open long enough, if no other process does and its limits leave something to this one. */
export class ProbeLoop {
  readonly loop: Repeat;

  constructor(
    private readonly parts: Parts,
    private readonly settings: { settleTimeMs: number },
    log: Log,
    private readonly begin: (claim: ProbeClaim, leaseMs: number, startedAt: number) => Promise<void>,
  ) {
    this.loop = new Repeat({ name: 'probe', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** One look; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    const { database, slots, targets } = this.parts;
    const due = await dueProbes(database, MOST);
    await targets.learn(due.filter((id) => !targets.peek(id)));
    for (const consumerId of due) {
      const allowance = this.parts.allowances.of(consumerId);
      if (slots.left > 0 && 'rows' in allowance) await this.probe(allowance.target);
    }
    return EVERY_MS * (0.75 + Math.random() / 2);
  }

  private async probe(target: Target): Promise<void> {
    const { database, node, limits, metrics } = this.parts;
    const startedAt = performance.now();
    const leaseMs = leaseMsOf(target, this.settings.settleTimeMs);
    const requests = target.batch ? 0 : 1;
    limits.take(target, requests);
    let claimed: ProbeClaim | undefined;
    try {
      claimed = await claimProbe(database, target.consumerId, leaseMs, node.mint());
    } finally {
      if (!claimed) limits.back(target, requests);
    }
    if (!claimed) return;
    metrics.probes.inc();
    await this.begin(claimed, leaseMs, startedAt);
  }
}
