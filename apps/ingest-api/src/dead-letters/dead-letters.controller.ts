import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Audit, Channels, Consumers, Database, type JobConsumer, searchDeadLetters } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageOfSearch } from '../http/cursor.js';
import { SearchLimits } from '../http/search-limits.js';
import { jobConsumerOf } from '../jobs/job-maker.js';
import { JobOr } from '../jobs/job-or.js';
import type { JobView } from '../jobs/job.view.js';
import { Needs } from '../keys/needs.js';
import { DeadLetterActs } from './dead-letter-acts.js';
import { filterOf, settingsOf } from './dead-letter-conditions.js';
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
    private readonly limits: SearchLimits,
  ) {}

  /** Lists a consumer's dead letters, newest message first. A page may have fewer than `limit`, or none, and a cursor all the same: there may be more. */
  @Get()
  @Needs('read', 'manage', 'consume')
  @Refuses('validation-failed', 'not-found')
  async list(@Param('channel') channel: string, @Param('consumer') name: string, @Query() query: DeadLetterQuery): Promise<DeadLetterList> {
    const { consumerId } = await this.find(channel, name);
    const filter = filterOf(query);
    return pageOfSearch(query, (page) => searchDeadLetters(this.database, consumerId, filter, page, this.limits), viewDeadLetter);
  }

  /**
   * Sends dead letters again, oldest message first: those that match every condition, all without one. They are due at once with a fresh
   * set of attempts. Works for up to 10 seconds; repeat while `more` is true. With `async` or `ratePerSecond` it is a job (202), which sends those that
   * are dead now, and goes on whatever process dies.
   */
  @Post('redrive')
  @JobOr(DeadLetterCount)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict')
  async redrive(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: DeadLetterBody,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeadLetterCount | JobView> {
    return this.act('redrive', await this.find(channel, name), body ?? {}, audit, reply);
  }

  /**
   * Takes dead letters off the list for good; their deliveries stay dead. Works for up to 10 seconds; repeat while `more` is true. With `async` or
   * `ratePerSecond` it is a job (202).
   */
  @Post('discard')
  @JobOr(DeadLetterCount)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict')
  async discard(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: DeadLetterBody,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeadLetterCount | JobView> {
    return this.act('discard', await this.find(channel, name), body ?? {}, audit, reply);
  }

  private async act(
    kind: 'redrive' | 'discard',
    of: JobConsumer,
    body: DeadLetterBody,
    audit: Audit,
    reply: FastifyReply,
  ): Promise<DeadLetterCount | JobView> {
    const filter = filterOf(body);
    const limit = body.limit ?? MOST;
    if (body.dryRun === true) return this.acts.count(of.consumerId, filter, limit);
    const ratePerSecond = body.ratePerSecond ?? null;
    if (body.async === true || ratePerSecond !== null) {
      return this.acts.jobs.make(of, { kind, settings: settingsOf(body), ratePerSecond, most: body.limit }, audit, reply);
    }
    await audit.recordAhead(this.database);
    return this.acts[kind](of.consumerId, filter, limit);
  }

  private async find(channel: string, name: string): Promise<JobConsumer> {
    const found = await this.channels.get(channel);
    return jobConsumerOf(found, await this.consumers.get(found.id, name));
  }
}
