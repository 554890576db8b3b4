import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Channels, Consumers } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { ListQuery } from '../http/list.query.js';
import { messageId } from '../http/message-id.js';
import { Needs } from '../keys/needs.js';
import { DeliveryWithAttemptsView } from './attempt.view.js';
import { DeliveryDetails } from './delivery-details.js';

@ApiTags('deliveries')
@Controller('v1/channels/:channel')
export class DeliveryReadsController {
  constructor(
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly details: DeliveryDetails,
  ) {}

  /**
   * Answers one message's delivery to one consumer, with its attempts from the first one on: 100 unless `limit` says otherwise (at most 500); more come with
   * `cursor`.
   */
  @Get('messages/:message/deliveries/:consumer')
  @Needs('read', 'manage', 'consume')
  @Refuses('validation-failed', 'not-found')
  async get(
    @Param('channel') channel: string,
    @Param('message') message: string,
    @Param('consumer') name: string,
    @Query() query: ListQuery,
  ): Promise<DeliveryWithAttemptsView> {
    const consumer = await this.consumers.get((await this.channels.get(channel)).id, name);
    return this.details.of(channel, consumer, messageId(message), query);
  }
}
