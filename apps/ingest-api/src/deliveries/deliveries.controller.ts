import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import { Channels, Consumers, Database, findDelivery, listAttempts, listDeliveries } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { messageId } from '../http/message-id.js';
import { Needs } from '../keys/needs.js';
import { DeliveryQuery } from './delivery.query.js';
import { DeliveryList, DeliveryWithAttemptsView, viewAttempt, viewDelivery } from './delivery.view.js';

@ApiTags('deliveries')
@Controller('v1/channels/:channel')
export class DeliveriesController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly consumers: Consumers,
  ) {}

  /** Lists a consumer's deliveries, newest message first. */
  @Get('consumers/:consumer/deliveries')
  @Needs('read', 'manage', 'consume')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Param('consumer') name: string, @Query() query: DeliveryQuery): Promise<DeliveryList> {
    const consumer = await this.consumers.get((await this.channels.get(channel)).id, name);
    const read = (limit: number, before: string | undefined) => listDeliveries(this.database, consumer.id, { limit, before }, query.status);
    return pageById(query, read, (row) => row.messageId, viewDelivery);
  }

  /** Answers one message's delivery to one consumer, with its attempts. */
  @Get('messages/:message/deliveries/:consumer')
  @Needs('read', 'manage', 'consume')
  @Refuses('not-found')
  async get(
    @Param('channel') channel: string,
    @Param('message') message: string,
    @Param('consumer') name: string,
  ): Promise<DeliveryWithAttemptsView> {
    const consumer = await this.consumers.get((await this.channels.get(channel)).id, name);
    const delivery = await findDelivery(this.database, messageId(message), consumer.id);
    if (!delivery) throw new Problem('not-found', 'there is no such delivery');
    const attempts = await listAttempts(this.database, delivery.messageId, consumer.id);
    return Object.assign(viewDelivery(delivery), { attemptLog: attempts.map(viewAttempt) });
  }
}
