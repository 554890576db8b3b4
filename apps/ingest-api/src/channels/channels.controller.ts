import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Audit, Channels, type Precondition } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { Demands, etag } from '../http/precondition.js';
import { Conditional, PutAnswers } from '../http/put-answers.js';
import { RemoveQuery } from '../http/remove.query.js';
import { parseRetry } from '../http/retry.js';
import { Needs } from '../keys/needs.js';
import { ChannelBody } from './channel.body.js';
import { ChannelList, ChannelView, viewChannel } from './channel.view.js';

@ApiTags('channels')
@Controller('v1/channels')
export class ChannelsController {
  constructor(private readonly channels: Channels) {}

  /** Lists the channels, newest first. */
  @Get()
  @Needs('read')
  @Refuses('validation-failed')
  async list(@Query() query: ListQuery): Promise<ChannelList> {
    return pageById(
      query,
      (limit, before) => this.channels.list({ limit, beforeId: before === undefined ? undefined : Number(before) }),
      (row) => row.id,
      viewChannel,
    );
  }

  /** Answers a channel. Its ETag is `"<version>"`. */
  @Get(':channel')
  @Needs('read', 'manage')
  @Refuses('not-found')
  async get(@Param('channel') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<ChannelView> {
    const channel = await this.channels.get(name);
    void reply.header('etag', etag(channel));
    return viewChannel(channel);
  }

  /** Creates (201) or replaces (200) a channel. Fields that are left out go back to their defaults. Names that begin with `posthorn.` are Posthorn's own. */
  @Put(':channel')
  @Needs('manage')
  @PutAnswers(ChannelView)
  @Refuses('validation-failed', 'malformed-json', 'precondition-failed')
  async put(
    @Param('channel') name: string,
    @Body() body: ChannelBody,
    @Demands() demands: Precondition,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChannelView> {
    const settings = {
      description: body?.description ?? '',
      retry: parseRetry(body?.retry),
      retentionDays: body?.retentionDays ?? null,
      priorities: body?.priorities ?? true,
      disableAfterSeconds: body?.disableAfterSeconds ?? null,
      maxBacklog: body?.maxBacklog ?? null,
    };
    const { row, created } = await this.channels.put(name, settings, { ...demands, audit });
    void reply.code(created ? 201 : 200).header('etag', etag(row));
    return viewChannel(row);
  }

  /** Deletes a channel that has no consumers and no messages that wait for fan-out; with `force=true` also one that has. Never one of Posthorn's own. */
  @Delete(':channel')
  @HttpCode(204)
  @Needs('manage')
  @Conditional()
  @Refuses('validation-failed', 'not-found', 'conflict', 'precondition-failed')
  async remove(
    @Param('channel') name: string,
    @Query() query: RemoveQuery,
    @Demands() demands: Precondition,
    @Audited() audit: Audit,
  ): Promise<void> {
    await this.channels.remove(name, { ...demands, audit, force: query.force === 'true' });
  }
}
