import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import { Channels, Database, deliveriesOf, findMessage, listMessages, readPayload } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { messageId } from '../http/message-id.js';
import { Needs } from '../keys/needs.js';
import { MessageList, MessageView, summarizeMessage, viewMessage } from './message.view.js';

const MAX_DELIVERIES = 100;

/** A payload is whatever a producer sent: a browser must neither show, guess nor run it. */
const HARMLESS = {
  'content-disposition': 'attachment',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

@ApiTags('messages')
@Controller('v1/channels/:channel/messages')
export class MessagesReadsController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
  ) {}

  /** Lists the messages of a channel, newest first. */
  @Get()
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Query() query: ListQuery): Promise<MessageList> {
    const { id } = await this.channels.get(channel);
    const read = (limit: number, before: string | undefined) => listMessages(this.database, id, { limit, before });
    return pageById(
      query,
      read,
      (row) => row.id,
      (row) => summarizeMessage(channel, row),
    );
  }

  /** Answers a message with its first 100 deliveries. */
  @Get(':message')
  @Needs('read', 'manage')
  @Refuses('not-found')
  async get(@Param('channel') channel: string, @Param('message') text: string): Promise<MessageView> {
    const id = messageId(text);
    const row = (await findMessage(this.database, (await this.channels.get(channel)).id, id)) ?? noMessage();
    return viewMessage(channel, row, await deliveriesOf(this.database, [id], MAX_DELIVERIES));
  }

  /** Answers the payload: the exact bytes, with the content type that the producer gave. */
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
      .header('content-type', row.contentType ?? 'application/octet-stream')
      .send(row.payload);
  }
}

function noMessage(): never {
  throw new Problem('not-found', 'there is no such message');
}
