import { Injectable } from '@nestjs/common';
import type { JobKind } from '@app/domain';
import { type Audit, type Channel, type Consumer, createJob, Database, type JobConsumer, type JobSettings, Node } from '@app/storage';
import type { FastifyReply } from 'fastify';
import { type JobView, viewJob } from './job.view.js';

/** How many jobs of a consumer may be unfinished: MAX_JOBS_PER_CONSUMER. */
export class JobLimit {
  constructor(readonly perConsumer: number) {}
}

export interface JobWish {
  kind: JobKind;
  settings: JobSettings;
  ratePerSecond: number | null;
  most?: number | null;
  range?: { after: string; last: string };
}

/** Makes the jobs that requests ask for. */
@Injectable()
export class JobMaker {
  constructor(
    private readonly database: Database,
    private readonly node: Node,
    private readonly limit: JobLimit,
  ) {}

  /** Answers 202 with the job and where it is. */
  async make(of: JobConsumer, wish: JobWish, audit: Audit, reply: FastifyReply): Promise<JobView> {
    const { keyId, keyName } = audit.entry;
    const job = { id: this.node.mint(), cause: 'request', of, by: { keyId, keyName }, ...wish } as const;
    const made = await createJob(this.database, job, audit, this.limit.perConsumer);
    void reply.code(202).header('location', `/v1/jobs/${made.id}`);
    return viewJob(made);
  }
}

export const jobConsumerOf = (channel: Channel, consumer: Consumer): JobConsumer => ({
  channelId: channel.id,
  consumerId: consumer.id,
  channel: channel.name,
  consumer: consumer.name,
});
