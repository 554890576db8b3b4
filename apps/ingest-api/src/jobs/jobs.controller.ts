import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type JobAct, Problem } from '@app/domain';
import { type Audit, changeJob, Database, findJob, listJobs } from '@app/storage';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { Needs } from '../keys/needs.js';
import { ChannelOf } from '../keys/channel-of.js';
import { jobId } from './job-id.js';
import { JobQuery } from './job.query.js';
import { JobList, JobView, viewJob } from './job.view.js';

/** A job is its channel's: who may manage that may see and steer it. */
@ApiTags('jobs')
@Controller('v1/jobs')
export class JobsController {
  constructor(private readonly database: Database) {}

  /** Lists jobs, newest first: redrives, discards and replays that were made as jobs. Finished ones are kept for JOB_RETENTION_DAYS. */
  @Get()
  @Needs('read', 'manage')
  @ChannelOf('query')
  @Refuses('validation-failed')
  async list(@Query() query: JobQuery): Promise<JobList> {
    const { channel, consumer, state } = query;
    const read = (limit: number, before: string | undefined) => listJobs(this.database, { channel, consumer, state }, { limit, before });
    return pageById(query, read, (job) => job.id, viewJob);
  }

  /** Answers a job: how far it is, and what it is for. */
  @Get(':job')
  @Needs('read', 'manage')
  @ChannelOf('job')
  @Refuses('not-found')
  async get(@Param('job') id: string): Promise<JobView> {
    const job = await findJob(this.database, jobId(id));
    if (!job) throw new Problem('not-found', 'there is no such job');
    return viewJob(job);
  }

  /** Holds a job; it stays where it is. What it has put into the consumer's lane is delivered. Pausing it again changes nothing. */
  @Post(':job/pause')
  @HttpCode(200)
  @Needs('manage')
  @ChannelOf('job')
  @Refuses('not-found', 'conflict')
  pause(@Param('job') id: string, @Audited() audit: Audit): Promise<JobView> {
    return this.act(id, 'pause', audit);
  }

  /** Lets a paused or failed job go on where it stands. */
  @Post(':job/resume')
  @HttpCode(200)
  @Needs('manage')
  @ChannelOf('job')
  @Refuses('not-found', 'conflict')
  resume(@Param('job') id: string, @Audited() audit: Audit): Promise<JobView> {
    return this.act(id, 'resume', audit);
  }

  /** Ends a job for good. What it has done stays done. */
  @Post(':job/cancel')
  @HttpCode(200)
  @Needs('manage')
  @ChannelOf('job')
  @Refuses('not-found', 'conflict')
  cancel(@Param('job') id: string, @Audited() audit: Audit): Promise<JobView> {
    return this.act(id, 'cancel', audit);
  }

  private async act(id: string, act: JobAct, audit: Audit): Promise<JobView> {
    return viewJob(await changeJob(this.database, jobId(id), act, audit));
  }
}
