import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { isReservedChannel, Problem, RESERVED_CHANNEL_MESSAGE, isName, type Id, type MessageStatus } from '@app/domain';
import type { IngestMetrics } from '@app/runtime';
import { type AcceptOutcome, type Database, type NewMessage, type Node, countDeliveries, findMessage } from '@app/storage';
import type { Nudges } from '../nudges.js';
import type { AcceptQueue } from './accept-queue.js';
import { ChannelIds } from './channel-ids.js';
import { readPublishHeaders, shortHash } from './publish-headers.js';

export interface Published {
  /** False when the idempotency key had been used for the same body before. */
  created: boolean;
  id: Id;
  status: MessageStatus;
  deliveries: number;
}

const NOTHING = Buffer.alloc(0);

/** From a request to a stored message: checks, queue, nudge. */
@Injectable()
export class Publisher {
  private readonly channels: ChannelIds;

  constructor(
    private readonly database: Database,
    private readonly node: Node,
    private readonly queue: AcceptQueue,
    private readonly nudges: Nudges,
    private readonly metrics: IngestMetrics,
  ) {
    this.channels = new ChannelIds(database);
  }

  /** Resolves after the commit. Throws a Problem: not-found, validation-failed, idempotency-conflict, queue-full, database-unavailable. */
  async publish(channel: string, headers: IncomingHttpHeaders, payload: Buffer | undefined, producerId: number | null): Promise<Published> {
    if (isReservedChannel(channel)) throw Problem.invalid([{ field: 'channel', message: RESERVED_CHANNEL_MESSAGE }]);
    const { idempotencyKey, ...told } = readPublishHeaders(headers);
    const body = payload ?? NOTHING;
    const idempotency = idempotencyKey === undefined ? undefined : { keyHash: shortHash(idempotencyKey), bodyHash: shortHash(body) };
    for (const known of [true, false]) {
      const found = isName(channel) ? this.channels.find(channel) : undefined;
      const channelId = typeof found === 'object' ? await found : found;
      if (channelId === undefined) break;
      const message: NewMessage = { id: this.node.mint(), channelId, producerId, payload: body, idempotency, ...told };
      const outcome = await this.queue.add(message).catch((error: unknown) => this.refused(error));
      this.metrics.accepted.inc({ result: outcome.kind });
      if (outcome.kind !== 'unknown-channel') return this.answer(outcome, channelId);
      this.channels.forget(channel);
      if (!known) break;
    }
    throw new Problem('not-found', `there is no channel ${channel}`, { field: 'channel' });
  }

  private refused(error: unknown): never {
    this.metrics.accepted.inc({ result: error instanceof Problem ? error.code : 'failed' });
    throw error;
  }

  private async answer(outcome: Exclude<AcceptOutcome, { kind: 'unknown-channel' }>, channelId: number): Promise<Published> {
    const { kind, id } = outcome;
    if (kind === 'conflict') {
      throw new Problem('idempotency-conflict', `this Idempotency-Key was used for message ${id} with another body`, {
        field: 'Idempotency-Key',
      });
    }
    if (kind === 'repeated') {
      const message = await findMessage(this.database, channelId, id);
      return { created: false, id, status: message?.status ?? 'out-for-delivery', deliveries: await countDeliveries(this.database, id) };
    }
    if (outcome.deliveries > 0) this.nudges.wake(outcome.consumerIds);
    return { created: true, id, status: outcome.status, deliveries: outcome.deliveries };
  }
}
