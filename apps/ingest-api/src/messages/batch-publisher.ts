import { Injectable } from '@nestjs/common';
import { type FieldProblem, type Id, Problem } from '@app/domain';
import type { IngestMetrics, Log } from '@app/runtime';
import { type Database, MAX_KEYS, type Node, type PublishedState, publishedStates } from '@app/storage';
import { problemFor } from '../http/ingest-filter.js';
import type { Nudges } from '../nudges.js';
import type { BatchMessage } from './batch-item.js';
import { newMessage } from './message-rules.js';
import { GONE, type Publisher, type PublishWarning, type Stored } from './publisher.js';
import { invalid, type ReadItem } from './read-batch.js';
import type { WholeBatches } from './whole-batches.js';

export interface PublishedItem extends PublishedState {
  id: Id;
  /** Why nobody gets it. */
  warning?: PublishWarning;
}

export interface PublishedBatch {
  /** In the order of the items. */
  results: (PublishedItem | Problem)[];
  /** Whether any message is new. */
  created: boolean;
}

export interface BatchPublisherParts {
  readonly database: Database;
  readonly node: Node;
  readonly publisher: Publisher;
  readonly wholes: WholeBatches;
  readonly nudges: Nudges;
  readonly metrics: IngestMetrics;
  readonly log: Log;
}

/** Publishes what was read of a batch, as a whole or each item for itself. */
@Injectable()
export class BatchPublisher {
  constructor(private readonly parts: BatchPublisherParts) {}

  /**
   * Stores all items in one transaction, or none. Throws a Problem that names the problems of every item: validation-failed, idempotency-conflict; and those of a
   * single message.
   */
  async publishWhole(channel: string, items: readonly ReadItem[], producerId: number | null): Promise<PublishedBatch> {
    const refused = items.flatMap((item) => (item instanceof Problem ? errorsOf(item) : []));
    if (refused.length > 0) throw invalid(refused);
    const { node, publisher, wholes, metrics } = this.parts;
    const read = items.flatMap((item) => (item instanceof Problem ? [] : item));
    const outcomes = await publisher.onChannel(channel, async (channelId) => {
      const messages = read.map(({ told, payload }) => newMessage(node.mint(), told, payload, { channelId, producerId }));
      await publisher.demandRoom(channelId, messages);
      const whole = await wholes.add(messages);
      if (whole.kind === 'unknown-channel') return undefined;
      if (whole.kind === 'conflicts') throw conflictsOf(messages.map(({ id }) => whole.conflicts.get(id)));
      return whole.outcomes;
    });
    for (const { kind } of outcomes) metrics.accepted.inc({ result: kind });
    return this.answer(outcomes);
  }

  /** Stores each item as if it came alone. */
  async publishEach(channel: string, items: readonly ReadItem[], producerId: number | null): Promise<PublishedBatch> {
    const outcomes = await Promise.all(
      items.map(async (item) => (item instanceof Problem ? item : this.storeOne(channel, item, producerId))),
    );
    const missing = outcomes.find((outcome) => outcome instanceof Problem && outcome.code === 'not-found');
    if (missing && outcomes.every((outcome) => outcome instanceof Problem)) throw missing;
    return this.answer(outcomes);
  }

  private async storeOne(channel: string, { told, payload }: BatchMessage, producerId: number | null): Promise<Stored | Problem> {
    try {
      return await this.parts.publisher.store(channel, told, payload, producerId);
    } catch (error) {
      const problem = problemFor(error);
      if (problem.status === 500) this.parts.log.error({ err: error, channel }, 'publish.failed');
      return problem;
    }
  }

  private async answer(outcomes: readonly (Stored | Problem)[]): Promise<PublishedBatch> {
    const accepted = outcomes.filter((outcome) => 'kind' in outcome && outcome.kind === 'accepted');
    this.wake(accepted);
    const repeated = outcomes.flatMap((outcome) => ('kind' in outcome && outcome.kind === 'repeated' ? outcome.id : []));
    const states = await this.statesOf(repeated, accepted);
    const results = outcomes.map((outcome) =>
      outcome instanceof Problem ? outcome : { id: outcome.id, ...(states.get(outcome.id) ?? GONE) },
    );
    return { results, created: accepted.length > 0 };
  }

  private async statesOf(repeated: readonly Id[], accepted: readonly Accepted[]): Promise<Map<Id, Omit<PublishedItem, 'id'>>> {
    const states = new Map<Id, Omit<PublishedItem, 'id'>>(accepted.map((outcome) => [outcome.id, this.parts.publisher.stateOf(outcome)]));
    const earlier = [...new Set(repeated)].filter((id) => !states.has(id));
    for (let from = 0; from < earlier.length; from += MAX_KEYS) {
      for (const [id, state] of await publishedStates(this.parts.database, earlier.slice(from, from + MAX_KEYS))) states.set(id, state);
    }
    return states;
  }

  private wake(accepted: readonly Accepted[]): void {
    const consumerIds = new Set(accepted.flatMap((outcome) => outcome.consumerIds));
    if (consumerIds.size > 0) this.parts.nudges.wake([...consumerIds]);
    if (accepted.some(({ status }) => status === 'acknowledged')) this.parts.nudges.wake([]);
  }
}

type Accepted = Extract<Stored, { kind: 'accepted' }>;

/** A line that is not JSON is one error among others of its batch. */
const errorsOf = (problem: Problem): readonly FieldProblem[] =>
  problem.errors ?? [{ field: problem.field ?? 'items', message: problem.code === 'malformed-json' ? 'is not JSON' : problem.detail }];

function conflictsOf(holders: readonly (Id | undefined)[]): Problem {
  const errors = holders.flatMap((holder, index) =>
    holder === undefined ? [] : [{ field: `items.${index}.idempotencyKey`, message: `was used for message ${holder} with another body` }],
  );
  const { detail } = invalid(errors);
  return new Problem('idempotency-conflict', detail, { errors, field: errors.length === 1 ? errors[0]?.field : undefined });
}
