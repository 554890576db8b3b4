import { Body, Controller, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { Channels, Consumers } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { DeliveryWithAttemptsView } from '../deliveries/attempt.view.js';
import { DeliveryDetails } from '../deliveries/delivery-details.js';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { TestDeliveries } from './test-deliveries.js';
import { TestDeliveryBody, testMessage, TestDeliveryQuery } from './test-delivery.body.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers/:consumer')
export class TestDeliveryController {
  constructor(
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly tests: TestDeliveries,
    private readonly details: DeliveryDetails,
  ) {}

  /**
   * Sends a message to this consumer alone, the way every message goes: stored, claimed by a dispatcher, signed, posted to its `url`, recorded. It carries
   * `posthorn-test: true`, goes in front of all others and past the filter, and has one attempt, whose failure is no dead letter. Answers at once (202), or
   * with `waitMs` when the attempt is over (200).
   */
  @Post('test')
  @HttpCode(202)
  @Needs('manage')
  @ApiResponse({ status: 200, description: 'The attempt is over', type: DeliveryWithAttemptsView })
  @ApiResponse({ status: 202, description: 'Stored; the attempt is not over', type: DeliveryWithAttemptsView })
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict')
  async test(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: TestDeliveryBody,
    @Query() { waitMs = 0 }: TestDeliveryQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryWithAttemptsView> {
    const consumer = await this.consumers.get((await this.channels.get(channel)).id, name);
    const id = await this.tests.send(consumer, testMessage(body ?? {}));
    const over = await this.tests.isOver(id, consumer, waitMs);
    void reply.code(over ? 200 : 202).header('location', `/v1/channels/${channel}/messages/${id}/deliveries/${name}`);
    return this.details.of(channel, consumer, id);
  }
}
