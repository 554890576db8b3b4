import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { IngestConfig } from '@app/config';
import { defaultBurst, type Rate } from '@app/domain';
import { heartbeat, type IngestMetrics, type Log, NudgeListener, NudgePeers } from '@app/runtime';
import {
  accept,
  acceptWhole,
  ApiKeys,
  Audiences,
  clockSkewMs,
  countNodes,
  HEARTBEAT_MS,
  Node,
  nudgeAddresses,
  StorageModule,
} from '@app/storage';
import { AuditController } from './audit/audit.controller.js';
import { AUDIT_PARTS } from './audit/audit.interceptor.js';
import { ChannelsController } from './channels/channels.controller.js';
import { ConsumerActsController } from './consumers/consumer-acts.controller.js';
import { ConsumerForm } from './consumers/consumer-form.js';
import { TargetRules } from './consumers/consumer-settings.js';
import { ConsumersController } from './consumers/consumers.controller.js';
import { TestDeliveries } from './consumers/test-deliveries.js';
import { TestDeliveryController } from './consumers/test-delivery.controller.js';
import { TestWaits } from './consumers/test-waits.js';
import { FilterTestController } from './consumers/filter-test.controller.js';
import type { Databases } from './databases.js';
import { DeadLetterActs } from './dead-letters/dead-letter-acts.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeliveriesController } from './deliveries/deliveries.controller.js';
import { JobLimit, JobMaker } from './jobs/job-maker.js';
import { JobsController } from './jobs/jobs.controller.js';
import { ReplayController } from './jobs/replay.controller.js';
import { JobChannels } from './keys/job-channels.js';
import { ChannelDeliveriesController } from './deliveries/channel-deliveries.controller.js';
import { DeliveryDetails } from './deliveries/delivery-details.js';
import { DeliveryReadsController } from './deliveries/delivery-reads.controller.js';
import { SearchLimits } from './http/search-limits.js';
import { KeyCheck } from './keys/key-check.js';
import { KeysController } from './keys/keys.controller.js';
import { LiveNodes } from './keys/live-nodes.js';
import { RightsGuard } from './keys/needs.js';
import { RateLimits } from './keys/rate-limits.js';
import { LeaseActs } from './leases/lease-acts.js';
import { LeasesController } from './leases/leases.controller.js';
import { Polls } from './leases/polls.js';
import { type AcceptLimits, AcceptQueue } from './messages/accept-queue.js';
import { BatchPublisher } from './messages/batch-publisher.js';
import { BatchController } from './messages/batch.controller.js';
import { CancelController } from './messages/cancel.controller.js';
import { Backlogs } from './messages/backlogs.js';
import { MessagesReadsController } from './messages/messages-reads.controller.js';
import { MessagesController } from './messages/messages.controller.js';
import { Publisher } from './messages/publisher.js';
import { BatchLimits } from './messages/read-batch.js';
import { WholeBatches } from './messages/whole-batches.js';
import { Nudges } from './nudges.js';
import { ProcessLife } from './process-node.js';
import { ProducersController } from './producers/producers.controller.js';
import { StatusController } from './status/status.controller.js';

export interface IngestSurroundings {
  readonly config: IngestConfig;
  readonly metrics: IngestMetrics;
  readonly log: Log;
  /** Controllers are given the one for reads. */
  readonly databases: Databases;
}

@Module({})
export class AppModule {
  static with(surroundings: IngestSurroundings): DynamicModule {
    const { config, databases } = surroundings;
    return {
      module: AppModule,
      imports: [StorageModule.over(databases.reads)],
      controllers: [
        ChannelsController,
        ProducersController,
        KeysController,
        ConsumersController,
        ConsumerActsController,
        FilterTestController,
        TestDeliveryController,
        MessagesController,
        BatchController,
        CancelController,
        MessagesReadsController,
        DeliveriesController,
        ChannelDeliveriesController,
        DeliveryReadsController,
        LeasesController,
        DeadLettersController,
        ReplayController,
        JobsController,
        StatusController,
        AuditController,
      ],
      providers: [
        ...rights(surroundings),
        ...taking(surroundings),
        ...publishing(surroundings),
        ...leasing(surroundings),
        { provide: ConsumerForm, useValue: new ConsumerForm(targetRules(config), config.keyRing) },
        { provide: JobLimit, useValue: new JobLimit(config.maxJobsPerConsumer) },
        JobMaker,
        { provide: SearchLimits, useValue: new SearchLimits(config.searchRows, config.searchMs) },
        DeliveryDetails,
        DeadLetterActs,
        TestDeliveries,
      ],
    };
  }
}

const targetRules = (config: IngestConfig): TargetRules => new TargetRules(config.allowHttpTargets, config.allowedTargets);

const operatorsRate = ({ keyRatePerSecond: perSecond, keyRateBurst }: IngestConfig): Rate | undefined =>
  perSecond === 0 ? undefined : { perSecond, burst: keyRateBurst || defaultBurst(perSecond) };

const rights = ({ config, metrics, log, databases }: IngestSurroundings): Provider[] => [
  JobChannels,
  { provide: KeyCheck, useValue: new KeyCheck(new ApiKeys(databases.publishing), config.adminKey, operatorsRate(config)) },
  {
    provide: RateLimits,
    // A process counts itself once it has joined.
    inject: [Node],
    useFactory: async () => {
      const nodes = new LiveNodes(() => countNodes(databases.publishing, 'ingest'));
      await nodes.refresh();
      return new RateLimits(nodes, () => metrics.rateLimited.inc());
    },
  },
  { provide: APP_GUARD, useClass: RightsGuard },
  { provide: AUDIT_PARTS, useValue: { metrics, log } },
];

/** What makes it one process among others. */
const taking = ({ config, metrics, log, databases: { publishing: database, reads } }: IngestSurroundings): Provider[] => [
  { provide: TestWaits, useValue: new TestWaits() },
  { provide: Polls, useFactory: () => new Polls({ database: reads, metrics, log }, config) },
  {
    provide: NudgeListener,
    inject: [Polls],
    useFactory: (polls: Polls) => NudgeListener.listen(config.nudgeHost, config.nudgePort, (ids) => polls.heard(ids), log),
  },
  {
    provide: Node,
    inject: [NudgeListener, Polls],
    useFactory: async ({ address }: NudgeListener, polls: Polls) => {
      const node = await Node.join(database, 'ingest', address);
      polls.join(node);
      return node;
    },
  },
  {
    provide: NudgePeers,
    inject: [NudgeListener],
    useFactory: ({ address }: NudgeListener) => {
      const others = async (): Promise<string[]> =>
        (await nudgeAddresses(database, ['dispatcher', 'ingest'])).filter((other) => other !== address);
      return new NudgePeers(others, log);
    },
  },
  { provide: Nudges, inject: [Polls, NudgePeers], useFactory: (polls: Polls, peers: NudgePeers) => new Nudges(polls, peers) },
  {
    provide: ProcessLife,
    inject: [Node, AcceptQueue, WholeBatches, Polls, TestWaits, NudgePeers, NudgeListener, Backlogs],
    useFactory: (
      node: Node,
      queue: AcceptQueue,
      wholes: WholeBatches,
      polls: Polls,
      tests: TestWaits,
      peers: NudgePeers,
      listener: NudgeListener,
      backlogs: Backlogs,
    ) => {
      const beats = heartbeat({ node, everyMs: HEARTBEAT_MS, skewMs: () => clockSkewMs(database), metrics, log });
      return new ProcessLife(node, { queues: [queue, wholes], polls, tests, peers, listener, backlogs, heartbeat: beats }, log);
    },
  },
];

/** On the connections for reads and, two transactions at a time, on those for packets: pull consumers take none from publishing. */
const leasing = ({ metrics, log, databases: { reads } }: IngestSurroundings): Provider[] => [
  {
    provide: LeaseActs,
    inject: [Node, Nudges],
    useFactory: (node: Node, nudges: Nudges) => new LeaseActs({ database: reads, node, nudges, metrics, log }),
  },
];

const publishing = ({ config, metrics, log, databases: { publishing: database, reads } }: IngestSurroundings): Provider[] => [
  { provide: Backlogs, useValue: new Backlogs(reads, config.maxBacklog, log) },
  {
    provide: AcceptQueue,
    useFactory: () => {
      const audiences = new Audiences((reason) => metrics.filtersUnjudged.inc({ reason }));
      return new AcceptQueue((batch) => accept(database, batch, config.inlineFanout, audiences), acceptLimits(config), metrics);
    },
  },
  {
    provide: WholeBatches,
    useFactory: () =>
      new WholeBatches(
        (messages) => acceptWhole(database, messages, config.inlineFanout, (reason) => metrics.filtersUnjudged.inc({ reason })),
        acceptLimits(config),
        metrics,
      ),
  },
  {
    provide: Publisher,
    inject: [Node, AcceptQueue, Nudges, Backlogs],
    useFactory: (node: Node, queue: AcceptQueue, nudges: Nudges, backlogs: Backlogs) =>
      new Publisher(database, node, queue, nudges, backlogs, metrics),
  },
  {
    provide: BatchPublisher,
    inject: [Node, Publisher, WholeBatches, Nudges],
    useFactory: (node: Node, publisher: Publisher, wholes: WholeBatches, nudges: Nudges) =>
      new BatchPublisher({ database, node, publisher, wholes, nudges, metrics, log }),
  },
  { provide: BatchLimits, useValue: new BatchLimits(config.publishBatchMessages, config.maxBodyBytes) },
];

const acceptLimits = (config: IngestConfig): AcceptLimits => ({
  batch: config.acceptBatch,
  messages: config.acceptQueueMessages,
  bytes: config.acceptQueueBytes,
});
