import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { IngestConfig } from '@app/config';
import type { IngestMetrics, Log } from '@app/runtime';
import { accept, ApiKeys, Database, Node, StorageModule } from '@app/storage';
import { ChannelsController } from './channels/channels.controller.js';
import { ConsumerActsController } from './consumers/consumer-acts.controller.js';
import { TargetRules } from './consumers/consumer-settings.js';
import { ConsumersController } from './consumers/consumers.controller.js';
import { SigningSecrets } from './consumers/signing-secrets.js';
import { DeadLetterActs } from './dead-letters/dead-letter-acts.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeliveriesController } from './deliveries/deliveries.controller.js';
import { KeyCheck } from './keys/key-check.js';
import { KeysController } from './keys/keys.controller.js';
import { RightsGuard } from './keys/needs.js';
import { AcceptQueue } from './messages/accept-queue.js';
import { MessagesReadsController } from './messages/messages-reads.controller.js';
import { MessagesController } from './messages/messages.controller.js';
import { Publisher } from './messages/publisher.js';
import { Nudges } from './nudges.js';
import { joinNode, ProcessLife } from './process-node.js';
import { ProducersController } from './producers/producers.controller.js';
import { StatusController } from './status/status.controller.js';

export interface IngestSurroundings {
  readonly config: IngestConfig;
  readonly metrics: IngestMetrics;
  readonly log: Log;
}

@Module({})
export class AppModule {
  static with(surroundings: IngestSurroundings): DynamicModule {
    const { config, metrics } = surroundings;
    const storage = StorageModule.forRoot({
      url: config.databaseUrl,
      poolSize: config.databasePool,
      onRetry: (transaction, code) => metrics.transactionRetries.inc({ transaction, code }),
    });
    return {
      module: AppModule,
      imports: [storage],
      controllers: [
        ChannelsController,
        ProducersController,
        KeysController,
        ConsumersController,
        ConsumerActsController,
        MessagesController,
        MessagesReadsController,
        DeliveriesController,
        DeadLettersController,
        StatusController,
      ],
      providers: [...rights(config), ...publishing(surroundings), { provide: TargetRules, useValue: targetRules(config) }, DeadLetterActs],
    };
  }
}

const targetRules = (config: IngestConfig): TargetRules => new TargetRules(config.allowHttpTargets, config.allowedTargets);

const rights = (config: IngestConfig): Provider[] => [
  { provide: KeyCheck, inject: [ApiKeys], useFactory: (keys: ApiKeys) => new KeyCheck(keys, config.adminKey) },
  { provide: APP_GUARD, useClass: RightsGuard },
  { provide: SigningSecrets, useValue: new SigningSecrets(config.keyRing) },
];

/** Whoever needs the node gets it only after the database has proved fit. */
const publishing = ({ config, metrics, log }: IngestSurroundings): Provider[] => [
  { provide: Node, inject: [Database], useFactory: (database: Database) => joinNode(database, config) },
  { provide: Nudges, inject: [Database], useFactory: (database: Database) => new Nudges(database, log) },
  {
    provide: AcceptQueue,
    inject: [Database],
    useFactory: (database: Database) => {
      const limits = { batch: config.acceptBatch, messages: config.acceptQueueMessages, bytes: config.acceptQueueBytes };
      return new AcceptQueue((batch) => accept(database, batch, config.inlineFanout), limits, metrics);
    },
  },
  {
    provide: Publisher,
    inject: [Database, Node, AcceptQueue, Nudges],
    useFactory: (database: Database, node: Node, queue: AcceptQueue, nudges: Nudges) =>
      new Publisher(database, node, queue, nudges, metrics),
  },
  {
    provide: ProcessLife,
    inject: [Node, AcceptQueue, Nudges],
    useFactory: (node: Node, queue: AcceptQueue, nudges: Nudges) => new ProcessLife(node, queue, nudges, log),
  },
];
