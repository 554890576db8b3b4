import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import { Channels, Database, deliveriesOf, findMessage, type MessageFilter, Producers, readPayload, searchMessages } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { viewDelivery } from '../deliveries/delivery.view.js';
import { Refuses } from '../http/answers.js';
import { pageById, pageOfSearch } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { messageId } from '../http/message-id.js';
import { SearchLimits } from '../http/search-limits.js';
import { timeRange } from '../http/time-range.js';
import { Needs } from '../keys/needs.js';
import { MessageQuery } from './message.query.js';
import { MessageList, MessageView, summarizeMessage } from './message.view.js';

/** Deliveries in one answer, unless asked otherwise. */
const DELIVERIES = 100;

/** A payload is whatever a producer sent: a browser must neither show, guess nor run it. */
const HARMLESS = {
  'accept-ranges': 'none',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

@ApiTags('messages')
@Controller('v1/channels/:channel/messages')
export class MessagesReadsController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly producers: Producers,
    private readonly limits: SearchLimits,
  ) {}

  /**
   * Lists the messages of a channel, newest first: those that meet every condition. A page looks at a bounded number of messages: it may have fewer than
   * `limit`, or none, and a cursor all the same. A list has ended when its cursor is null.
   */
  @Get()
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Query() query: MessageQuery): Promise<MessageList> {
    const { id } = await this.channels.get(channel);
    const filter = await this.filterOf(query);
    if (!filter) return { items: [], cursor: null };
    return pageOfSearch(
      query,
      (page) => searchMessages(this.database, id, filter, page, this.limits),
      (row) => summarizeMessage(channel, row),
    );
  }

  /** Answers a message with its first 100 deliveries, the oldest consumer's first. More come with `limit` (at most 500) and `cursor`. */
  @Get(':message')
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'not-found')
  async get(@Param('channel') channel: string, @Param('message') text: string, @Query() query: ListQuery): Promise<MessageView> {
    const id = messageId(text);
    const row = (await findMessage(this.database, (await this.channels.get(channel)).id, id)) ?? noMessage();
    const { items, cursor } = await pageById(
      { limit: query.limit ?? DELIVERIES, cursor: query.cursor },
      (limit, after) => deliveriesOf(this.database, id, { limit, afterId: after === undefined ? undefined : Number(after) }),
      (delivery) => delivery.consumerId,
      viewDelivery,
    );
    return Object.assign(summarizeMessage(channel, row), { deliveries: items, cursor });
  }

  /** Answers the payload: the exact bytes, with the content type that the producer gave, and in a form that no browser shows or runs. */
  @Get(':message/payload')
  @Needs('read', 'manage')
  @ApiProduces('application/octet-stream')
  @ApiResponse({ status: 200, description: 'The exact bytes', schema: { type: 'string', format: 'binary' } })
  @Refuses('not-found')
  async payload(@Param('channel') channel: string, @Param('message') text: string, @Res() reply: FastifyReply): Promise<void> {
    const id = messageId(text);
    const row = (await readPayload(this.database, (await this.channels.get(channel)).id, id)) ?? noMessage();
    void reply
      .headers(HARMLESS)
      .header('content-disposition', `attachment; filename="${id}"`)
      .header('content-type', row.contentType ?? 'application/octet-stream')
      .send(row.payload);
  }

  /** Undefined when nothing can match: nobody has published as this producer. */
  private async filterOf({ type, status, from, to, producer, key }: MessageQuery): Promise<MessageFilter | undefined> {
    const found = producer === undefined ? undefined : await this.producers.find(producer);
    if (found === null) return undefined;
    return { type, status, ...timeRange({ from, to }), producerId: found?.id, orderingKey: key };
  }
}

function noMessage(): never {
  throw new Problem('not-found', 'there is no such message');
}
