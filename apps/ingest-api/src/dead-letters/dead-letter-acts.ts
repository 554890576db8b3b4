import { Injectable } from '@nestjs/common';
import { countDeadLetters, Database, type DeadLetterFilter, discard, Node, redrive, searchDeadLetters } from '@app/storage';
import { JobMaker } from '../jobs/job-maker.js';
import { Nudges } from '../nudges.js';
import { inSteps } from './dead-letter-steps.js';
import type { DeadLetterCount } from './dead-letter.view.js';

/** To see whether any is left; when it takes longer, some may be. */
const LOOK = { rows: 5_000, ms: 100 };

/** Redrives and discards in transactions of 500, so that nobody waits long for a lock. */
@Injectable()
export class DeadLetterActs {
  constructor(
    private readonly database: Database,
    private readonly node: Node,
    private readonly nudges: Nudges,
    readonly jobs: JobMaker,
  ) {}

  async count(consumerId: number, filter: DeadLetterFilter, limit: number): Promise<DeadLetterCount> {
    const { count, atLeast } = await countDeadLetters(this.database, consumerId, filter);
    return { count: Math.min(count, limit), more: count > limit || atLeast, ...(atLeast ? { atLeast } : {}) };
  }

  async redrive(consumerId: number, filter: DeadLetterFilter, limit: number): Promise<DeadLetterCount> {
    const count = await inSteps(limit, async (after, most) => {
      const step = await redrive(this.database, consumerId, filter, () => this.node.mint(), after, most);
      if (step.count > 0) this.nudges.wake([consumerId]);
      return step;
    });
    return { count, more: await this.anyLeft(consumerId, filter) };
  }

  async discard(consumerId: number, filter: DeadLetterFilter, limit: number): Promise<DeadLetterCount> {
    const count = await inSteps(limit, async (after, most) => {
      const step = await discard(this.database, consumerId, filter, after, most);
      // Keys that they held go on.
      if (step.count > 0) this.nudges.wake([consumerId]);
      return step;
    });
    return { count, more: await this.anyLeft(consumerId, filter) };
  }

  private async anyLeft(consumerId: number, filter: DeadLetterFilter): Promise<boolean> {
    const { rows, next } = await searchDeadLetters(this.database, consumerId, filter, { limit: 1 }, LOOK);
    return rows.length > 0 || next !== undefined;
  }
}
