import { Burst, type Log, type SchedulerMetrics } from '@app/runtime';
import { type Database, isUnavailable, LEADER_LEASE_MS, type Node, lead, resign } from '@app/storage';
import type { Duty } from './duties/duty.js';

const RENEW_MS = LEADER_LEASE_MS / 3;
/** A duty begins only with this much of the lease left: a scheduler that was frozen has none, by its own monotonic clock. */
const MARGIN_MS = 2_000;

/** Leads, or waits to lead; the leader does its duties, one after another. */
export class Failsafe {
  private leadsUntil = -Infinity;
  private renewAt = -Infinity;
  private readonly doneAt = new Map<string, number>();
  private readonly burst: Burst;

  constructor(
    private readonly parts: { database: Database; node: Node; metrics: SchedulerMetrics; log: Log },
    private readonly duties: readonly Duty[],
  ) {
    this.burst = new Burst(parts.log, 'error', { failed: 'failsafe.failed', recovered: 'failsafe.recovered' });
  }

  get leads(): boolean {
    return performance.now() < this.leadsUntil - MARGIN_MS;
  }

  /**
   * Renews leadership when it is time and does the duties that are due. A duty that fails is logged and does not stop the others, unless the database
   * is away: then all end until it is back.
   */
  async doOnce(): Promise<void> {
    try {
      await this.renew();
      await this.performDue();
    } catch (error) {
      this.burst.failed(error);
    }
  }

  private async performDue(): Promise<void> {
    for (const duty of this.duties) {
      if (!this.leads) return;
      const now = performance.now();
      if (now < (this.doneAt.get(duty.name) ?? -Infinity) + duty.everyMs) continue;
      this.doneAt.set(duty.name, now);
      await this.perform(duty);
      await this.renew();
    }
  }

  async resign(): Promise<void> {
    this.follow('leader.resigned');
    await resign(this.parts.database, this.parts.node.id);
  }

  private async renew(): Promise<void> {
    const now = performance.now();
    if (now < this.renewAt) return;
    this.renewAt = now + RENEW_MS;
    try {
      const epoch = await lead(this.parts.database, this.parts.node.id);
      this.burst.recovered();
      if (epoch === undefined) return this.follow();
      if (!this.leads) this.parts.log.info({ epoch }, 'leader.elected');
      this.leadsUntil = now + LEADER_LEASE_MS;
      this.parts.metrics.leader.set(1);
    } catch (error) {
      this.renewAt = now + 1_000;
      if (!this.leads) this.follow();
      throw error;
    }
  }

  private follow(why: 'leader.lost' | 'leader.resigned' = 'leader.lost'): void {
    if (this.leadsUntil > 0) this.parts.log.info(why);
    this.leadsUntil = -Infinity;
    this.parts.metrics.leader.set(0);
  }

  private async perform(duty: Duty): Promise<void> {
    const { metrics, log } = this.parts;
    try {
      const repaired = await duty.doOnce();
      metrics.failsafeRuns.inc({ duty: duty.name });
      metrics.failsafeRepaired.inc({ duty: duty.name }, repaired);
      if (repaired > 0) log.info({ duty: duty.name, repaired }, 'failsafe.repaired');
    } catch (error) {
      if (isUnavailable(error)) throw error;
      log.error({ err: error, duty: duty.name }, 'failsafe.failed');
    }
  }
}
