import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { DispatcherConfig } from '@app/config';
import { type DispatcherMetrics, farewell, heartbeat, type Log, NudgeListener, NudgePeers, type Repeat } from '@app/runtime';
import { clockSkewMs, Database, endResume, endsKey, HEARTBEAT_MS, Node, nudgeAddresses, type Settlement } from '@app/storage';
import { Allowances } from './lanes/allowances.js';
import { ClaimLoop } from './lanes/claim-loop.js';
import { ConsumerHealth } from './lanes/consumer-health.js';
import { FanOutLoop } from './lanes/fan-out-loop.js';
import { Holds } from './lanes/holds.js';
import { LaneCursors } from './lanes/lane-cursors.js';
import { LanePoll } from './lanes/lane-poll.js';
import { Limits } from './lanes/limits.js';
import { LookBehind } from './lanes/look-behind.js';
import { Pace } from './lanes/pace.js';
import { Peers } from './lanes/peers.js';
import { ProbeLoop } from './lanes/probe-loop.js';
import { PromoteLoop } from './lanes/promote-loop.js';
import { ReleaseLoop } from './lanes/release-loop.js';
import { Ring } from './lanes/ring.js';
import { Slots } from './lanes/slots.js';
import { consumerVersion, type Target, Targets } from './lanes/targets.js';
import { Deliverer } from './post/deliverer.js';
import { Pools } from './post/pools.js';
import { resolveWith, systemResolve, watchResolver } from './post/resolve.js';
import { Tokens } from './post/tokens.js';
import { observe, type Outcome } from './settle/observe.js';
import { Settler } from './settle/settler.js';

export const PARTS = Symbol('dispatcher parts');
export interface DispatcherParts {
  config: DispatcherConfig;
  metrics: DispatcherMetrics;
  log: Log;
}

/** Kept of the shutdown time for settling and giving back. */
const SETTLE_GRACE_MS = 5_000;

/** Joins the loops: lanes are found, claimed, posted, settled; retries promoted; scheduled messages released; large channels fanned out. */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private node!: Node;
  private listener!: NudgeListener;
  /** The ingest processes, where polls of pull consumers wait. */
  private peers!: NudgePeers;
  private claims!: ClaimLoop;
  private settler!: Settler;
  private promotes!: PromoteLoop;
  private probes!: ProbeLoop;
  private deliverer!: Deliverer;
  private poll!: LanePoll;
  private pools!: Pools;
  /** Loops that find work; all stop first. */
  private finders: Repeat[] = [];
  private heartbeat!: Repeat;
  /** The other dispatchers, with whom the limits of consumers are shared. */
  private sharers!: Peers;

  constructor(
    private readonly database: Database,
    @Inject(PARTS) private readonly parts: DispatcherParts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { config, log } = this.parts;
    this.listener = await NudgeListener.listen(config.nudgeHost, config.nudgePort, (ids) => this.nudged(ids), log);
    this.node = await Node.join(this.database, 'dispatcher', this.listener.address);
    this.build();
    await this.sharers.doOnce();
    log.info({ node: this.node.number, nudges: this.listener.address }, 'dispatcher.joined');
    for (const loop of this.loops()) loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { config } = this.parts;
    await Promise.all(this.finders.map((loop) => loop.stop()));
    await farewell('share', this.node.retire(), this.parts.log);
    await this.deliverer.stop(Math.max(0, config.shutdownTimeoutMs - SETTLE_GRACE_MS));
    await this.settler.flush();
    await this.settler.loop.stop();
    await Promise.all([this.heartbeat.stop(), this.sharers.loop.stop()]);
    this.listener.close();
    await this.peers.stop();
    await this.pools.close();
    await farewell('node', this.node.leave(), this.parts.log);
  }

  /** Loops that stand still; empty when all is well. */
  stale(): string[] {
    return this.loops()
      .filter((loop) => loop.stale)
      .map((loop) => `loop ${loop.name} stands still`);
  }

  private loops(): Repeat[] {
    return [this.heartbeat, this.sharers.loop, this.settler.loop, this.peers.loop, ...this.finders];
  }

  private nudged(consumerIds: readonly number[]): void {
    if (this.finders.length === 0) return;
    if (consumerIds.length > 0) this.claims.add(consumerIds);
    else for (const loop of this.finders) loop.wake();
  }

  private build(): void {
    const { database, node } = this;
    const { config, metrics, log } = this.parts;
    const slots = new Slots(config.maxInFlight, config.maxInFlightBytes);
    const pace = new Pace();
    const holds = new Holds();
    const health = new ConsumerHealth();
    const targets = new Targets(database, config, log);
    this.sharers = new Peers({ database, node }, log, (count, changed) => this.shared(count, changed));
    const limits = new Limits(this.sharers);
    const resolve = watchResolver(config.dnsServers.length > 0 ? resolveWith(config.dnsServers) : systemResolve);
    this.pools = new Pools({ allowed: config.allowedTargets, resolve }, config.deliveryTimeoutMs, config.http2Targets);
    this.settler = new Settler({ database, node, metrics, log }, (batch, lost) => this.settled(batch, lost));
    this.deliverer = new Deliverer(
      {
        database,
        pools: this.pools,
        tokens: new Tokens(this.pools),
        slots,
        pace,
        holds,
        health,
        limits,
        metrics,
        log,
        mint: () => node.mint(),
      },
      (outcome) => this.settler.add(outcome),
      { attempted: (consumerId) => this.claims.attempted(consumerId), settled: () => this.claims.settled() },
    );
    const cursors = new LaneCursors();
    const allowances = new Allowances({ targets, slots, pace, holds, health, limits, waiting: (id) => this.deliverer.waiting(id) });
    this.claims = new ClaimLoop({ database, node, ring: new Ring(), cursors, slots, allowances, limits, targets, metrics }, config, log, {
      begin: (work) => this.deliverer.begin(work),
      emptied: (target) => void this.emptied(target),
    });
    this.peers = new NudgePeers(() => nudgeAddresses(database, ['ingest']), log);
    const found = (ids: readonly number[]): void => this.claims.add(ids);
    const made = (ids: readonly number[]): void => {
      found(ids);
      if (ids.length > 0) this.peers.nudge(ids);
    };
    this.promotes = new PromoteLoop({ database, node, metrics }, log, made);
    this.probes = new ProbeLoop({ database, node, slots, allowances, limits, targets, metrics }, config, log, (claim, leaseMs, startedAt) =>
      this.claims.beginProbe(claim, leaseMs, startedAt),
    );
    const fanOuts = new FanOutLoop({ database, metrics }, log, made);
    const releases = new ReleaseLoop({ database, node, metrics, inlineFanout: config.inlineFanout }, log, ({ consumerIds, fanouts }) => {
      made(consumerIds);
      if (fanouts > 0) fanOuts.loop.wake();
    });
    this.poll = new LanePoll(database, log, (lanes) => {
      for (const { id, version } of lanes) targets.outdate(id, version);
      found(lanes.map(({ id }) => id));
    });
    const behind = new LookBehind(database, cursors, log, found);
    this.finders = [this.claims.loop, this.probes.loop, this.promotes.loop, fanOuts.loop, releases.loop, this.poll.loop, behind.loop];
    this.heartbeat = heartbeat({ node, everyMs: HEARTBEAT_MS, skewMs: () => clockSkewMs(database), metrics, log });
  }

  /** So many dispatchers share the limits. What was left to others may be ours by now. */
  private shared(count: number, changed: boolean): void {
    this.parts.metrics.dispatchers.set(count);
    if (this.sharers.now.length === 0) return;
    // Every time: a claim may have come back after the last one.
    this.deliverer.reshare();
    if (changed) this.poll.loop.wake();
  }

  /** The backlog of a consumer that was resumed at a rate seems to be worked off. */
  private async emptied({ consumerId, channel, consumer, version }: Target): Promise<void> {
    const { log } = this.parts;
    try {
      if (await endResume(this.database, consumerId, consumerVersion({ version })))
        log.info({ channel, consumer }, 'consumer.backlog-sent');
    } catch (error) {
      log.warn({ err: error, channel, consumer }, 'consumer.resume-not-ended');
    }
  }

  private settled(batch: readonly Outcome[], lost: ReadonlySet<Settlement>): void {
    const goOn = new Set(batch.filter(endsKey).map(({ claim }) => claim.consumerId));
    if (goOn.size > 0) this.claims.add(goOn);
    for (const outcome of batch) {
      this.claims.settled();
      if (lost.has(outcome)) continue;
      observe(outcome, this.parts.metrics, this.parts.log);
      this.changed(outcome);
      if (outcome.step.to === 'retry') this.promotes.expect(outcome.step.delayMs);
    }
  }

  /** A breaker closed: its lane may go on; or it wants the next probe. */
  private changed({ claim, changes = [] }: Settlement): void {
    for (const change of changes) {
      if (change.kind !== 'probe-ends') continue;
      if (change.step.to === 'closed') this.claims.add([claim.consumerId]);
      else if (change.step.to === 'half-open') this.probes.loop.wake();
    }
  }
}
