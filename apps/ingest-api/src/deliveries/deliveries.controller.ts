import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Channels, Consumers, Database } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { SearchLimits } from '../http/search-limits.js';
import { Needs } from '../keys/needs.js';
import { DeliveryQuery } from './delivery.query.js';
import { DeliveryList } from './delivery.view.js';
import { findDeliveries } from './find-deliveries.js';

@ApiTags('deliveries')
@Controller('v1/channels/:channel/consumers/:consumer/deliveries')
export class DeliveriesController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly limits: SearchLimits,
  ) {}

  /**
   * Lists the deliveries of a consumer, newest message first: those that meet every condition. A page looks at a bounded number of deliveries: it may have
   * fewer than `limit`, or none, and a cursor all the same. A list has ended when its cursor is null.
   */
  @Get()
  @Needs('read', 'manage', 'consume')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Param('consumer') name: string, @Query() query: DeliveryQuery): Promise<DeliveryList> {
    const consumer = await this.consumers.get((await this.channels.get(channel)).id, name);
    return findDeliveries(this.database, { consumerId: consumer.id }, query, this.limits);
  }
}
