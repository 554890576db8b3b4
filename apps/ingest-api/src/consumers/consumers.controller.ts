import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Channels, Consumers, type Precondition } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { Demands, etag } from '../http/precondition.js';
import { PutAnswers } from '../http/put-answers.js';
import { RemoveQuery } from '../http/remove.query.js';
import { Needs } from '../keys/needs.js';
import { consumerSettings, TargetRules } from './consumer-settings.js';
import { ConsumerBody } from './consumer.body.js';
import { ConsumerList, ConsumerView, NewConsumerView, viewConsumer } from './consumer.view.js';
import { SigningSecrets } from './signing-secrets.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers')
export class ConsumersController {
  constructor(
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly secrets: SigningSecrets,
    private readonly rules: TargetRules,
  ) {}

  /** Lists the consumers of a channel, newest first. */
  @Get()
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Query() query: ListQuery): Promise<ConsumerList> {
    const { id } = await this.channels.get(channel);
    const read = (limit: number, before: string | undefined) =>
      this.consumers.list({ limit, beforeId: before === undefined ? undefined : Number(before) }, id);
    return pageById(
      query,
      read,
      (row) => row.id,
      (row) => viewConsumer(channel, row),
    );
  }

  /** Answers a consumer. Its ETag is `"<version>"`. */
  @Get(':consumer')
  @Needs('read', 'manage', 'consume')
  @Refuses('not-found')
  async get(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConsumerView> {
    const { id } = await this.channels.get(channel);
    const consumer = await this.consumers.get(id, name);
    void reply.header('etag', etag(consumer));
    return viewConsumer(channel, consumer);
  }

  /**
   * Creates (201) or replaces (200) a consumer. Fields that are left out go back to their defaults; the signing secret and a pause stay.
   * A new consumer gets every message that is accepted after the answer, and only the answer of its creation shows its signing secret.
   */
  @Put(':consumer')
  @Needs('manage')
  @PutAnswers(ConsumerView, NewConsumerView)
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'precondition-failed')
  async put(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: ConsumerBody,
    @Demands() demands: Precondition,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConsumerView | NewConsumerView> {
    const settings = consumerSettings(body ?? {}, this.rules);
    const { secret, sealed } = this.secrets.make(channel, name);
    const { row, created } = await this.consumers.put(channel, name, settings, { ...demands, newSecret: sealed });
    void reply.code(created ? 201 : 200).header('etag', etag(row));
    return Object.assign(viewConsumer(channel, row), created ? { signingSecret: secret } : {});
  }

  /** Deletes a consumer that has no unfinished deliveries; with `force=true` also one that has: they end as dead. */
  @Delete(':consumer')
  @HttpCode(204)
  @Needs('manage')
  @Refuses('validation-failed', 'not-found', 'conflict', 'precondition-failed')
  async remove(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Query() query: RemoveQuery,
    @Demands() demands: Precondition,
  ): Promise<void> {
    await this.consumers.remove(channel, name, { ...demands, force: query.force === 'true' });
  }
}
