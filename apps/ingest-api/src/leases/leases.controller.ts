import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import type { FastifyReply } from 'fastify';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { clientOf } from './client.js';
import { ExtendBody } from './extend.body.js';
import { LeaseActs } from './lease-acts.js';
import { LeaseBody } from './lease.body.js';
import { LeaseList, viewLease } from './lease.view.js';
import { isPush, Polls } from './polls.js';
import { resultProblems, SettleBody } from './settle.body.js';
import { LeaseExtendedList, LeaseSettledList } from './settle.view.js';

const DEFAULT_LEASE_MS = 30_000;

@ApiTags('leases')
@Controller('v1/channels/:channel/consumers/:consumer/leases')
export class LeasesController {
  constructor(
    private readonly polls: Polls,
    private readonly acts: LeaseActs,
  ) {}

  /**
   * Leases deliveries to a pull consumer: they are yours until `expiresAt`, and nobody else gets them. Any number of workers may ask at the same time. With
   * `waitMs` the request waits for the first delivery. A lease that runs out counts as an attempt, and the delivery goes to whoever asks next, until the attempts
   * of the retry policy are used up. Paused and disabled consumers get nothing. Hang up only when you no longer want an answer: what was leased for it is then
   * given back.
   */
  @Post()
  @HttpCode(200)
  @Needs('consume')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict', 'too-many-requests')
  async take(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: LeaseBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LeaseList> {
    const client = clientOf(reply.raw);
    const consumer = await this.acts.find(channel, name);
    if (consumer.type === 'push') throw isPush();
    const wish = { max: body?.max ?? 1, waitMs: body?.waitMs ?? 0, leaseMs: body?.leaseMs ?? DEFAULT_LEASE_MS };
    const leased = await this.polls.take(consumer.id, wish, client.gone);
    void client.reached.then((reached) => this.polls.answered(leased, reached));
    return { leases: leased.map((one) => viewLease(channel, one)) };
  }

  /**
   * Says how deliveries went, each by its receipt: `ack`, `nack` or `dead`. Each result stands for itself: a receipt that is stale or invalid stops none of the
   * others. May be repeated when an answer was lost. A lease that ran out may be settled as long as nobody else has got the delivery.
   */
  @Post('settle')
  @HttpCode(200)
  @Needs('consume')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'payload-too-large', 'too-many-requests')
  async settle(@Param('channel') channel: string, @Param('consumer') name: string, @Body() body: SettleBody): Promise<LeaseSettledList> {
    const problems = resultProblems(body.results);
    if (problems.length > 0) throw Problem.invalid(problems);
    return { results: await this.acts.settle(await this.acts.find(channel, name), body.results) };
  }

  /** Makes leases end `leaseMs` from now, for work that takes longer. Each receipt stands for itself. */
  @Post('extend')
  @HttpCode(200)
  @Needs('consume')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'too-many-requests')
  async extend(@Param('channel') channel: string, @Param('consumer') name: string, @Body() body: ExtendBody): Promise<LeaseExtendedList> {
    const consumer = await this.acts.find(channel, name);
    return { results: await this.acts.extend(consumer, body.receipts, body.leaseMs ?? DEFAULT_LEASE_MS) };
  }
}
