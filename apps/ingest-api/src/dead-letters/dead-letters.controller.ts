import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Audit, Channels, Consumers, Database, type DeadLetterFilter, listDeadLetters } from '@app/storage';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { Needs } from '../keys/needs.js';
import { DeadLetterActs } from './dead-letter-acts.js';
import { DeadLetterBody } from './dead-letter.body.js';
import { DeadLetterQuery } from './dead-letter.query.js';
import { DeadLetterCount, DeadLetterList, viewDeadLetter } from './dead-letter.view.js';

const MOST = 10_000;

@ApiTags('dead letters')
@Controller('v1/channels/:channel/consumers/:consumer/dead-letters')
export class DeadLettersController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly acts: DeadLetterActs,
  ) {}

  /** Lists a consumer's dead letters, newest message first. */
  @Get()
  @Needs('read', 'manage', 'consume')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Param('consumer') name: string, @Query() query: DeadLetterQuery): Promise<DeadLetterList> {
    const consumerId = await this.find(channel, name);
    const read = (limit: number, before: string | undefined) =>
      listDeadLetters(this.database, consumerId, filterOf(query), { limit, before });
    return pageById(query, read, (row) => row.messageId, viewDeadLetter);
  }

  /**
   * Sends dead letters again, oldest message first: those that match every condition, all without one. They are due at once with a fresh
   * set of attempts. Works for up to 10 seconds; repeat while `more` is true.
   */
  @Post('redrive')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found')
  async redrive(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: DeadLetterBody,
    @Audited() audit: Audit,
  ): Promise<DeadLetterCount> {
    return this.act('redrive', await this.find(channel, name), body ?? {}, audit);
  }

  /** Takes dead letters off the list for good; their deliveries stay dead. Works for up to 10 seconds; repeat while `more` is true. */
  @Post('discard')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found')
  async discard(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: DeadLetterBody,
    @Audited() audit: Audit,
  ): Promise<DeadLetterCount> {
    return this.act('discard', await this.find(channel, name), body ?? {}, audit);
  }

  private async act(verb: 'redrive' | 'discard', consumerId: number, body: DeadLetterBody, audit: Audit): Promise<DeadLetterCount> {
    const filter = filterOf(body);
    const limit = body.limit ?? MOST;
    if (body.dryRun === true) return this.acts.count(consumerId, filter, limit);
    await audit.recordAhead(this.database);
    return this.acts[verb](consumerId, filter, limit);
  }

  private async find(channel: string, name: string): Promise<number> {
    const { id } = await this.channels.get(channel);
    return (await this.consumers.get(id, name)).id;
  }
}

function filterOf({ messages, from, to, reason }: Partial<Pick<DeadLetterBody, 'messages' | 'from' | 'to' | 'reason'>>): DeadLetterFilter {
  return {
    ...(messages ? { messageIds: messages } : {}),
    ...(from ? { from: new Date(from) } : {}),
    ...(to ? { to: new Date(to) } : {}),
    ...(reason ? { reason } : {}),
  };
}
