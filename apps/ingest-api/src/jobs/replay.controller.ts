import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { idBefore, idFrom, LAST_ID, Problem } from '@app/domain';
import { type Audit, Channels, Consumers, Database, previewReplay } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { jobConsumerOf, JobMaker } from './job-maker.js';
import { JobOr } from './job-or.js';
import type { JobView } from './job.view.js';
import { ReplayBody, ReplayCount } from './replay.body.js';

@ApiTags('jobs')
@Controller('v1/channels/:channel/consumers/:consumer')
export class ReplayController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly consumers: Consumers,
    private readonly jobs: JobMaker,
  ) {}

  /**
   * Sends past messages of the channel to this consumer again, as a job: those that its filter matches, whatever became of them, in the order in which they
   * were published and behind live messages. Each attempt carries `posthorn-replay: <job id>`. What is on its way to the consumer already is skipped.
   */
  @Post('replay')
  @JobOr(ReplayCount, 'With `dryRun`: what it would send')
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict')
  async replay(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: ReplayBody,
    @Audited() audit: Audit,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayCount | JobView> {
    const { from, to, type, statuses, ratePerSecond, dryRun } = body ?? {};
    const range = rangeOf(from ?? null, to ?? null);
    const found = await this.channels.get(channel);
    const of = jobConsumerOf(found, await this.consumers.get(found.id, name));
    const wanted = { ...(type ? { type } : {}), ...(statuses ? { statuses } : {}) };
    if (dryRun === true) return previewReplay(this.database, of, range, wanted);
    const times = { ...(from ? { from: new Date(from).toISOString() } : {}), ...(to ? { to: new Date(to).toISOString() } : {}) };
    const wish = { kind: 'replay', settings: { ...times, ...wanted }, ratePerSecond: ratePerSecond ?? null, range } as const;
    return this.jobs.make(of, wish, audit, reply);
  }
}

/** The messages of a span of time, by their ids. */
function rangeOf(from: string | null, to: string | null): { after: string; last: string } {
  if (from !== null && to !== null && new Date(from) >= new Date(to))
    throw Problem.invalid([{ field: 'to', message: 'must be after from' }]);
  return {
    after: from === null ? '0' : idBefore(idFrom(new Date(from).getTime())),
    last: to === null ? LAST_ID : idBefore(idFrom(new Date(to).getTime())),
  };
}
