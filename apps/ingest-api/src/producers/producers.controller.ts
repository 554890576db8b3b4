import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Audit, type Precondition, Producers } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { Demands, etag } from '../http/precondition.js';
import { Conditional, PutAnswers } from '../http/put-answers.js';
import { Needs } from '../keys/needs.js';
import { ProducerBody } from './producer.body.js';
import { ProducerList, ProducerView, viewProducer } from './producer.view.js';

@ApiTags('producers')
@Controller('v1/producers')
export class ProducersController {
  constructor(private readonly producers: Producers) {}

  /** Lists the producers, newest first. */
  @Get()
  @Needs('read')
  @Refuses('validation-failed')
  async list(@Query() query: ListQuery): Promise<ProducerList> {
    return pageById(
      query,
      (limit, before) => this.producers.list({ limit, beforeId: before === undefined ? undefined : Number(before) }),
      (row) => row.id,
      viewProducer,
    );
  }

  /** Answers a producer. Its ETag is `"<version>"`. */
  @Get(':producer')
  @Needs('read')
  @Refuses('not-found')
  async get(@Param('producer') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<ProducerView> {
    const producer = await this.producers.get(name);
    void reply.header('etag', etag(producer));
    return viewProducer(producer);
  }

  /** Creates (201) or replaces (200) a producer. Fields that are left out go back to their defaults. */
  @Put(':producer')
  @Needs('admin')
  @PutAnswers(ProducerView)
  @Refuses('validation-failed', 'malformed-json', 'precondition-failed')
  async put(
    @Param('producer') name: string,
    @Body() body: ProducerBody,
    @Demands() demands: Precondition,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProducerView> {
    const { row, created } = await this.producers.put(name, { description: body?.description ?? '' }, { ...demands, audit });
    void reply.code(created ? 201 : 200).header('etag', etag(row));
    return viewProducer(row);
  }

  /** Deletes a producer whose keys are all revoked. Its messages stay. */
  @Delete(':producer')
  @HttpCode(204)
  @Needs('admin')
  @Conditional()
  @Refuses('not-found', 'conflict', 'precondition-failed')
  async remove(@Param('producer') name: string, @Demands() demands: Precondition, @Audited() audit: Audit): Promise<void> {
    await this.producers.remove(name, { ...demands, audit });
  }
}
