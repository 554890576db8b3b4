import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { SchedulerConfig } from '@app/config';
import { farewell, heartbeat, type Log, NudgeSender, type Repeat, type SchedulerMetrics, STALE_MS } from '@app/runtime';
import { clockSkewMs, Database, HEARTBEAT_MS, Node } from '@app/storage';
import { measureJobs, pruneFinishedJobs } from './duties/jobs.js';
import { measureBacklog } from './duties/measure-backlog.js';
import { pruneAuditRows } from './duties/prune-audit.js';
import { resealSecrets } from './duties/reseal.js';
import {
  buryDeadNodes,
  fanOutForgotten,
  letKeysGo,
  makePartitionsAhead,
  promoteOverdue,
  releaseOverdue,
  sweepDeleted,
  sweepDeletedChannels,
  sweepDeletedRetries,
} from './duties/repair.js';
import { Failsafe } from './failsafe.js';
import { JobLoop } from './job-loop.js';

export const PARTS = Symbol('scheduler parts');
export interface SchedulerParts {
  config: SchedulerConfig;
  metrics: SchedulerMetrics;
  log: Log;
}

const TICK_MS = 500;

/** Ticks, and lets the fail-safe do what is due; one run at a time. */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private node!: Node;
  private failsafe: Failsafe | undefined;
  private heartbeat!: Repeat;
  private jobs!: JobLoop;
  private readonly nudges = new NudgeSender();
  private running: Promise<void> | undefined;
  private beganAt = performance.now();

  constructor(
    private readonly database: Database,
    @Inject(PARTS) private readonly parts: SchedulerParts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { config, metrics, log } = this.parts;
    const { database, nudges } = this;
    const node = await Node.join(database, 'scheduler');
    this.node = node;
    this.heartbeat = heartbeat({ node, everyMs: HEARTBEAT_MS, skewMs: () => clockSkewMs(database), metrics, log });
    this.heartbeat.start();
    const { rationalDelayMs, inlineFanout } = config;
    const repair = { database, node, nudges, log, rationalDelayMs, inlineFanout };
    const repairs = [fanOutForgotten, promoteOverdue, releaseOverdue, buryDeadNodes, makePartitionsAhead, letKeysGo];
    const sweeps = [sweepDeletedChannels, sweepDeleted, sweepDeletedRetries];
    const duties = [...repairs, ...sweeps].map((duty) => duty(repair));
    const further = [
      measureBacklog(database, metrics),
      pruneAuditRows(database, config.auditRetentionDays),
      resealSecrets(database, config.keyRing, metrics, log),
      measureJobs(database, metrics),
      pruneFinishedJobs(database, config.jobRetentionDays),
    ];
    this.failsafe = new Failsafe({ database, node, metrics, log }, [...duties, ...further]);
    this.jobs = new JobLoop({ database, node, metrics, log, aheadRows: config.jobAheadRows });
    this.jobs.start();
  }

  @Interval('failsafe', TICK_MS)
  tick(): void {
    if (!this.failsafe || this.running) return;
    this.beganAt = performance.now();
    this.running = this.failsafe.doOnce().finally(() => (this.running = undefined));
  }

  async beforeApplicationShutdown(): Promise<void> {
    const failsafe = this.failsafe;
    this.failsafe = undefined;
    await Promise.all([this.running, this.jobs.stop()]);
    const { log } = this.parts;
    if (failsafe) await farewell('leadership', failsafe.resign(), log);
    await this.heartbeat.stop();
    this.nudges.close();
    await farewell('node', this.node.leave(), log);
  }

  stale(): string[] {
    const stuck = this.running !== undefined && performance.now() - this.beganAt > STALE_MS;
    return [
      ...(stuck ? ['the fail-safe has been busy for too long'] : []),
      ...(this.heartbeat.stale ? ['loop heartbeat stands still'] : []),
      ...(this.jobs.loop.stale ? ['loop jobs stands still'] : []),
    ];
  }
}
