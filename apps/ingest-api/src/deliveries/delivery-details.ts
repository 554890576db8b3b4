import { Injectable } from '@nestjs/common';
import { type Id, isTest, Problem } from '@app/domain';
import { type Consumer, Database, findDelivered, findDelivery, listAttempts } from '@app/storage';
import { ConsumerForm } from '../consumers/consumer-form.js';
import { pageById } from '../http/cursor.js';
import { DeliveryWithAttemptsView, viewAttempt } from './attempt.view.js';
import { viewDelivery } from './delivery.view.js';
import { rebuiltRequest } from './rebuilt-request.js';

/** Attempts in one answer, unless asked otherwise. */
const ATTEMPTS = 100;

/** A delivery with all that is known of its attempts. */
@Injectable()
export class DeliveryDetails {
  constructor(
    private readonly database: Database,
    private readonly form: ConsumerForm,
  ) {}

  /** Throws Problem `not-found`. */
  async of(
    channel: string,
    consumer: Consumer,
    id: Id,
    query: { limit?: number; cursor?: string } = {},
  ): Promise<DeliveryWithAttemptsView> {
    const delivery = await findDelivery(this.database, id, consumer.id);
    if (!delivery) throw new Problem('not-found', 'there is no such delivery');
    const message = await findDelivered(this.database, id);
    const { headers } = this.form.show(channel, consumer);
    const { items, cursor } = await pageById(
      { limit: query.limit ?? ATTEMPTS, cursor: query.cursor },
      (limit, after) => listAttempts(this.database, id, consumer.id, { limit, after: after === undefined ? undefined : Number(after) }),
      (attempt) => attempt.number,
      (attempt) => viewAttempt(attempt, rebuiltRequest({ channel, consumer, headers, id, replays: delivery.replays, message }, attempt)),
    );
    return Object.assign(viewDelivery(delivery), { test: isTest(message?.headers ?? null), attemptLog: items, cursor });
  }
}
