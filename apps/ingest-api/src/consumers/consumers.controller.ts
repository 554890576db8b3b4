import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Audit, Channels, type Consumer, Consumers, type ConsumerSettings, Node, type Precondition } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { Demands, etag } from '../http/precondition.js';
import { Conditional, PutAnswers } from '../http/put-answers.js';
import { RemoveQuery } from '../http/remove.query.js';
import { Needs } from '../keys/needs.js';
import { ConsumerForm } from './consumer-form.js';
import { ConsumerBody } from './consumer.body.js';
import { ConsumerList, ConsumerView, NewConsumerView } from './consumer.view.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers')
export class ConsumersController {
  constructor(
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly form: ConsumerForm,
    private readonly node: Node,
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
      (row) => this.form.show(channel, row),
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
    return this.form.show(channel, consumer);
  }

  /**
   * Creates (201) or replaces (200) a consumer. Fields that are left out go back to their defaults; the signing secret and a pause stay.
   * A new consumer gets every message that is accepted after the answer, and with `startFrom` past ones. Only the answer to the request that made a signing secret shows it: that of the
   * creation, or of a change of the signature's scheme.
   */
  @Put(':consumer')
  @Needs('manage')
  @PutAnswers(ConsumerView, NewConsumerView)
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict', 'precondition-failed')
  async put(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: ConsumerBody,
    @Demands() demands: Precondition,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConsumerView | NewConsumerView> {
    const wish = this.form.read(body ?? {});
    let made: string | null = null;
    const settle = (stored: Consumer | null): ConsumerSettings => {
      const settled = this.form.settle(stored, channel, name, wish);
      made = settled.made;
      return settled.settings;
    };
    const { keyId, keyName } = audit.entry;
    const history = wish.history ? { ...wish.history, jobId: this.node.mint(), by: { keyId, keyName } } : undefined;
    const { row, created, historyJob } = await this.consumers.put(channel, name, settle, { ...demands, audit, history });
    void reply.code(created ? 201 : 200).header('etag', etag(row));
    return Object.assign(
      this.form.show(channel, row),
      made === null ? {} : { signingSecret: made },
      historyJob === undefined ? {} : { historyJob },
    );
  }

  /** Deletes a consumer that has no unfinished deliveries; with `force=true` also one that has: they end as dead. */
  @Delete(':consumer')
  @HttpCode(204)
  @Needs('manage')
  @Conditional()
  @Refuses('validation-failed', 'not-found', 'conflict', 'precondition-failed')
  async remove(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Query() query: RemoveQuery,
    @Demands() demands: Precondition,
    @Audited() audit: Audit,
  ): Promise<void> {
    await this.consumers.remove(channel, name, { ...demands, audit, force: query.force === 'true' });
  }
}
