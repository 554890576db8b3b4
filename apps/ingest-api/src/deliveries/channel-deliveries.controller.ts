import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Channels, Database } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { SearchLimits } from '../http/search-limits.js';
import { Needs } from '../keys/needs.js';
import { DeliveryQuery } from './delivery.query.js';
import { DeliveryList } from './delivery.view.js';
import { findDeliveries } from './find-deliveries.js';

@ApiTags('deliveries')
@Controller('v1/channels/:channel/deliveries')
export class ChannelDeliveriesController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly limits: SearchLimits,
  ) {}

  /** Lists the deliveries to all consumers of a channel, newest message first: those that meet every condition. Pages are as those of one consumer's. */
  @Get()
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Query() query: DeliveryQuery): Promise<DeliveryList> {
    return findDeliveries(this.database, { channelId: (await this.channels.get(channel)).id }, query, this.limits);
  }
}
