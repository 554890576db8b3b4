import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { SchedulerConfig } from '@app/config';
import { type Log, NudgeSender, Repeat, type SchedulerMetrics } from '@app/runtime';
import { assertFit, Database, HEARTBEAT_MS, Node } from '@app/storage';
import { measureBacklog } from './duties/measure-backlog.js';
import { buryDeadNodes, fanOutForgotten, makePartitionsAhead, promoteOverdue, sweepDeleted } from './duties/repair.js';
import { Failsafe } from './failsafe.js';

export const PARTS = Symbol('scheduler parts');
export interface SchedulerParts {
  config: SchedulerConfig;
  metrics: SchedulerMetrics;
  log: Log;
}

const TICK_MS = 500;
/** A run of all duties may take this long before the process counts as stuck. */
const STALE_MS = 120_000;

/** Ticks, and lets the fail-safe do what is due; one run at a time. */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private node!: Node;
  private failsafe: Failsafe | undefined;
  private heartbeat!: Repeat;
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
    log.info({ server: await assertFit(database) }, 'database.fit');
    const node = await Node.join(database, 'scheduler');
    this.node = node;
    this.heartbeat = new Repeat({
      name: 'heartbeat',
      log,
      staleAfterMs: 60_000,
      doOnce: async () => (await node.heartbeat(), HEARTBEAT_MS),
    });
    this.heartbeat.start();
    const repair = { database, node, nudges, log, rationalDelayMs: config.rationalDelayMs };
    const duties = [fanOutForgotten, promoteOverdue, buryDeadNodes, makePartitionsAhead, sweepDeleted].map((duty) => duty(repair));
    this.failsafe = new Failsafe({ database, node, metrics, log }, [...duties, measureBacklog(database, metrics)]);
  }

  @Interval('failsafe', TICK_MS)
  tick(): void {
    if (!this.failsafe || this.running) return;
    this.beganAt = performance.now();
    this.running = this.failsafe
      .doOnce()
      .catch((error: unknown) => this.parts.log.error({ err: error }, 'failsafe.failed'))
      .finally(() => (this.running = undefined));
  }

  async beforeApplicationShutdown(): Promise<void> {
    const failsafe = this.failsafe;
    this.failsafe = undefined;
    await this.running;
    await failsafe?.resign();
    await this.heartbeat.stop();
    this.nudges.close();
    await this.node.leave();
  }

  stale(): string[] {
    const stuck = this.running !== undefined && performance.now() - this.beganAt > STALE_MS;
    return [
      ...(stuck ? ['the fail-safe has been busy for too long'] : []),
      ...(this.heartbeat.stale ? ['loop heartbeat stands still'] : []),
    ];
  }
}
