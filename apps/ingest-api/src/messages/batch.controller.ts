import { Controller, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOperation, ApiParam, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import { problemBody } from '@app/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refuses } from '../http/answers.js';
import { callerOf } from '../keys/caller.js';
import { RateLimits } from '../keys/rate-limits.js';
import { Needs } from '../keys/needs.js';
import { BatchPublisher } from './batch-publisher.js';
import { BatchQuery } from './batch.query.js';
import { BatchItem, BatchResultView, BatchView } from './batch.view.js';
import { traceParentOf } from './publish-headers.js';
import { BatchLimits, readBatch } from './read-batch.js';

const EXAMPLE = [
  { payload: { order: 1001 }, type: 'order.paid', idempotencyKey: 'order-1001-paid' },
  { payload: 'hello', contentType: 'text/plain', delaySeconds: 60 },
];
const STORED = { id: '251658240000000001', status: 'out-for-delivery', deliveries: 2 };
const SCHEDULED = { id: '251658240000000002', status: 'scheduled', deliveries: 0, deliverAt: '2026-12-01T08:00:00.000Z' };

@ApiTags('messages')
@Controller('v1/channels/:channel/messages')
export class BatchController {
  constructor(
    private readonly batches: BatchPublisher,
    private readonly limits: BatchLimits,
    private readonly rates: RateLimits,
  ) {}

  /**
   * Publishes several messages: a JSON array, or with the content type `application/x-ndjson` a JSON object a line. All are stored in one transaction, or none, and
   * the answer names everything that is wrong with every item (`items.3.priority`). With `atomic=false` each is stored for itself, and its result says what became
   * of it. Repeat on any other answer than 2xx: items with an `idempotencyKey` are stored once.
   */
  @Post('batch')
  @Needs('publish')
  @ApiOperation({ operationId: 'publishBatch' })
  @ApiParam({ name: 'channel', type: String })
  @ApiExtraModels(BatchItem, BatchResultView)
  @ApiBody({
    description: 'At most PUBLISH_BATCH_MESSAGES items (1000 unless configured) and PUBLISH_BATCH_BYTES (8 MiB)',
    schema: { type: 'array', minItems: 1, items: { $ref: getSchemaPath(BatchItem) } },
    examples: { batch: { value: EXAMPLE } },
  })
  @ApiResponse({
    status: 201,
    description: 'All are stored',
    type: BatchView,
    example: { results: [STORED, SCHEDULED] },
  })
  @ApiResponse({ status: 200, description: 'All were stored before, with the same idempotency keys and bodies', type: BatchView })
  @ApiResponse({ status: 207, description: 'With `atomic=false`: some are not stored', type: BatchView })
  @Refuses(
    'validation-failed',
    'malformed-json',
    'not-found',
    'idempotency-conflict',
    'payload-too-large',
    'unsupported-media-type',
    'backlog-full',
    'queue-full',
    'database-unavailable',
    'database-busy',
  )
  async publish(
    @Req() request: FastifyRequest<{ Params: { channel: string } }>,
    @Query() { atomic }: BatchQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { params, headers, body } = request;
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const items = readBatch(bytes, headers['content-type'], this.limits, traceParentOf(headers));
    const caller = callerOf(request);
    this.rates.chargeMore(caller, items.length - 1, reply);
    const { producerId } = caller;
    const { results, created } = await (atomic === 'false'
      ? this.batches.publishEach(params.channel, items, producerId)
      : this.batches.publishWhole(params.channel, items, producerId));
    const refused = results.some((result) => result instanceof Problem);
    const views = results.map((result) => (result instanceof Problem ? { problem: problemBody(result) } : result));
    void reply.code(refused ? 207 : created ? 201 : 200).send({ results: views });
  }
}
