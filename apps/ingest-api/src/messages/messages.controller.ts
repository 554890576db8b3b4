import { Controller, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refuses } from '../http/answers.js';
import { callerOf } from '../keys/caller.js';
import { Needs } from '../keys/needs.js';
import { VISIBLE } from './message-rules.js';
import { PublishedView } from './publish.view.js';
import { Publisher } from './publisher.js';

const header = (name: string, description: string, schema: object = { type: 'string' }): MethodDecorator =>
  ApiHeader({ name, description, required: false, schema });

@ApiTags('messages')
@Controller('v1/channels/:channel/messages')
export class MessagesController {
  constructor(private readonly publisher: Publisher) {}

  /**
   * Publishes a message: the body is the payload, any content type, delivered byte for byte. The answer comes after the message, its deliveries and
   * its idempotency key have been committed in one transaction; on any other answer than 2xx, repeat with the same `Idempotency-Key`.
   */
  @Post()
  @Needs('publish')
  @ApiParam({ name: 'channel', type: String })
  @ApiConsumes('*/*')
  @ApiBody({
    schema: { type: 'string', format: 'binary' },
    required: false,
    description: 'The payload, at most MAX_BODY_BYTES (1 MiB unless configured)',
  })
  @header('Idempotency-Key', 'Makes repeats harmless: the same key and body answer 200 with the first id, another body 409', {
    type: 'string',
    pattern: VISIBLE.source,
    maxLength: 255,
  })
  @header('Posthorn-Priority', '0 to 9, 9 first; 0 when absent', { type: 'integer', minimum: 0, maximum: 9 })
  @header('Posthorn-Type', 'Event type', { type: 'string', pattern: '^[A-Za-z0-9._:/-]{1,200}$' })
  @header('Posthorn-Key', 'Ordering key: stored with the message', { type: 'string', pattern: VISIBLE.source, maxLength: 200 })
  @header('Posthorn-Deliver-At', 'When it shall leave, at most 366 days ahead; a time that has passed is at once', {
    type: 'string',
    format: 'date-time',
  })
  @header('Posthorn-Delay', 'In place of it: in how many seconds it shall leave', { type: 'integer', minimum: 0, maximum: 31_622_400 })
  @header('Posthorn-Header-*', 'Passed on to consumers without the prefix: at most 32, 8192 bytes in all', {
    type: 'string',
    maxLength: 2048,
  })
  @header('traceparent', 'W3C Trace Context, passed on to consumers')
  @ApiResponse({
    status: 201,
    description: 'Stored',
    type: PublishedView,
    headers: { Location: { description: 'The message', schema: { type: 'string' } } },
  })
  @ApiResponse({ status: 200, description: 'Stored before, with the same idempotency key and body', type: PublishedView })
  @Refuses(
    'validation-failed',
    'not-found',
    'idempotency-conflict',
    'payload-too-large',
    'unsupported-media-type',
    'too-many-requests',
    'backlog-full',
    'queue-full',
    'database-unavailable',
    'database-busy',
  )
  async publish(@Req() request: FastifyRequest<{ Params: { channel: string } }>, @Res() reply: FastifyReply): Promise<void> {
    // Everything is read from the request itself: a parameter of its own goes through the pipes, one await after the other.
    const { channel } = request.params;
    const payload = Buffer.isBuffer(request.body) ? request.body : undefined;
    const { created, ...published } = await this.publisher.publish(channel, request.headers, payload, callerOf(request).producerId);
    void reply
      .code(created ? 201 : 200)
      .header('location', `/v1/channels/${channel}/messages/${published.id}`)
      .send(published);
  }
}
