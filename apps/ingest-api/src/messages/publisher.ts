import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { isReservedChannel, Problem, RESERVED_CHANNEL_MESSAGE, isName, type Id } from '@app/domain';
import type { IngestMetrics } from '@app/runtime';
import { type AcceptOutcome, type Database, type NewMessage, type Node, type PublishedState, publishedStates } from '@app/storage';
import type { Nudges } from '../nudges.js';
import type { AcceptQueue } from './accept-queue.js';
import type { Backlogs } from './backlogs.js';
import { ChannelIds } from './channel-ids.js';
import { newMessage, type Told } from './message-rules.js';
import { readPublishHeaders } from './publish-headers.js';
import { StoredBefore } from './stored-before.js';

export interface Published extends PublishedState {
  /** False when the idempotency key had been used for the same body before. */
  created: boolean;
  id: Id;
  /** Why nobody gets it. */
  warning?: PublishWarning;
}

export type PublishWarning = 'no-consumers' | 'no-consumer-matches';

/** A message that is stored, now or before. */
export type Stored = Exclude<AcceptOutcome, { kind: 'unknown-channel' | 'conflict' }>;

const NOTHING = Buffer.alloc(0);

/** From a request to a stored message: checks, queue, nudge. */
@Injectable()
export class Publisher {
  private readonly channels: ChannelIds;
  private readonly storedBefore: StoredBefore;

  constructor(
    private readonly database: Database,
    private readonly node: Node,
    private readonly queue: AcceptQueue,
    private readonly nudges: Nudges,
    private readonly backlogs: Backlogs,
    private readonly metrics: IngestMetrics,
  ) {
    this.channels = new ChannelIds(database);
    this.storedBefore = new StoredBefore(database);
  }

  /** Resolves after the commit. Throws a Problem: not-found, validation-failed, idempotency-conflict, backlog-full, queue-full, database-unavailable. */
  async publish(channel: string, headers: IncomingHttpHeaders, payload: Buffer | undefined, producerId: number | null): Promise<Published> {
    const outcome = await this.store(channel, readPublishHeaders(headers), payload ?? NOTHING, producerId);
    const { id } = outcome;
    if (outcome.kind === 'repeated') return { created: false, id, ...(await stateOf(this.database, id)) };
    if (outcome.deliveries > 0) this.nudges.wake(outcome.consumerIds);
    return { created: true, id, ...this.stateOf(outcome) };
  }

  /** What is said of a message that is stored now; counts it when nobody gets it. */
  stateOf(outcome: Extract<Stored, { kind: 'accepted' }>): PublishedState & { warning?: PublishWarning } {
    const { status, deliveries, deliverAt } = outcome;
    const warning = this.warn(outcome);
    return { status, deliveries, ...(deliverAt && { deliverAt }), ...(warning && { warning }) };
  }

  /** Stores one message. Throws as `publish` does. Nobody is nudged. */
  async store(channel: string, told: Told, payload: Buffer, producerId: number | null): Promise<Stored> {
    return this.onChannel(channel, async (channelId) => {
      const message = newMessage(this.node.mint(), told, payload, { channelId, producerId });
      await this.demandRoom(channelId, [message]);
      const outcome = await this.queue.add(message).catch((error: unknown) => this.refused(error));
      this.metrics.accepted.inc({ result: outcome.kind });
      if (outcome.kind === 'conflict') throw idempotencyConflict(outcome.id, 'Idempotency-Key');
      return outcome.kind === 'unknown-channel' ? undefined : outcome;
    });
  }

  /** Tries with the id that is known for a channel, and once more when it is out of date, which `act` says by undefined. Throws Problem `not-found`. */
  async onChannel<T>(channel: string, act: (channelId: number) => Promise<T | undefined>): Promise<T> {
    if (isReservedChannel(channel)) throw Problem.invalid([{ field: 'channel', message: RESERVED_CHANNEL_MESSAGE }]);
    for (const known of [true, false]) {
      const found = isName(channel) ? this.channels.find(channel) : undefined;
      const channelId = typeof found === 'object' ? await found : found;
      if (channelId === undefined) break;
      const done = await act(channelId);
      if (done !== undefined) return done;
      this.channels.forget(channel);
      if (!known) break;
    }
    throw new Problem('not-found', `there is no channel ${channel}`, { field: 'channel' });
  }

  /** Throws Problem `backlog-full` when the channel may not have one of these messages beside what it has. What repeats a message that is stored adds nothing. */
  async demandRoom(channelId: number, messages: readonly NewMessage[]): Promise<void> {
    const [ofNow, ofLater] = [this.backlogs.refusal(channelId, false), this.backlogs.refusal(channelId, true)];
    if (!ofLater) return;
    const refusalOf = ({ due }: NewMessage): Problem | undefined => (due ? ofLater : ofNow);
    const doubtful = messages.filter(refusalOf);
    const stored = await Promise.all(doubtful.map((message) => this.storedBefore.ask(message)));
    const refused = doubtful.find((_message, index) => !stored[index]);
    if (refused) this.refused(refusalOf(refused));
  }

  /** Says, and counts, why nobody gets a message that is stored now; nothing when somebody does or may. */
  private warn({ status, deliveries, consumers }: Extract<Stored, { kind: 'accepted' }>): PublishWarning | undefined {
    if (deliveries > 0 || status === 'scheduled') return undefined;
    const warning = consumers === 0 ? 'no-consumers' : 'no-consumer-matches';
    this.metrics.unrouted.inc({ warning });
    return warning;
  }

  private refused(error: unknown): never {
    this.metrics.accepted.inc({ result: error instanceof Problem ? error.code : 'failed' });
    throw error;
  }
}

export const idempotencyConflict = (holder: Id, field: string): Problem =>
  new Problem('idempotency-conflict', `this Idempotency-Key was used for message ${holder} with another body`, { field });

async function stateOf(database: Database, id: Id): Promise<PublishedState> {
  return (await publishedStates(database, [id])).get(id) ?? GONE;
}

/** Of a message that is not kept any more. */
export const GONE: PublishedState = { status: 'out-for-delivery', deliveries: 0 };
