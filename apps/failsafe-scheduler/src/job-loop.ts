import { IdHorizonError, type Id } from '@app/domain';
import { type Log, NudgePeers, Repeat, type SchedulerMetrics, STALE_MS } from '@app/runtime';
import {
  type Database,
  dueJobs,
  isBusy,
  isDuplicateKey,
  isUnavailable,
  jobFailed,
  type JobStep,
  type Node,
  nudgeAddresses,
  stepJob,
  untilNextJob,
} from '@app/storage';

/** Jobs that are begun elsewhere are found within this. */
const POLL_MS = 500;
/** Others are at every job that is due. */
const TAKEN_MS = 50;
/** Jobs of one round, each of which makes one step: so they share the time, and none waits for the end of another. */
const ROUND = 20;

interface Parts {
  database: Database;
  node: Node;
  metrics: SchedulerMetrics;
  log: Log;
  aheadRows: number;
}

/**
 * Makes the steps of jobs, in every scheduler, whoever leads: the row of a job is its lock. Beside the duties of the fail-safe, so that no job holds
 * them up, and one transaction at a time.
 */
export class JobLoop {
  readonly loop: Repeat;
  readonly peers: NudgePeers;

  constructor(private readonly parts: Parts) {
    this.loop = new Repeat({ name: 'jobs', log: parts.log, staleAfterMs: STALE_MS, doOnce: (signal) => this.doOnce(signal) });
    this.peers = new NudgePeers(() => nudgeAddresses(parts.database, ['dispatcher', 'ingest']), parts.log);
  }

  start(): void {
    this.peers.loop.start();
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    await this.peers.stop();
  }

  /** One step of each job that is due; answers in how many ms the next one is. */
  async doOnce(signal?: AbortSignal): Promise<number> {
    const { database } = this.parts;
    const due = await dueJobs(database, ROUND);
    let made = 0;
    for (const id of due) {
      if (signal?.aborted) return 0;
      if (await this.step(id)) made++;
    }
    if (made > 0) return 0;
    return due.length > 0 ? TAKEN_MS : Math.min(POLL_MS, (await untilNextJob(database)) ?? POLL_MS);
  }

  /** False when somebody else is at it. What is unexpected is the job's own failure; when the database is away it is not. */
  private async step(id: Id): Promise<boolean> {
    const { database, node, aheadRows, log } = this.parts;
    try {
      const step = await stepJob(database, id, { mint: () => node.mint(), aheadRows });
      if (step) this.observe(step);
      return step !== undefined;
    } catch (error) {
      // Another job of the consumer made a delivery at the same moment: the next look finds it.
      if (isDuplicateKey(error)) return true;
      if (isUnavailable(error) || isBusy(error) || error instanceof IdHorizonError) throw error;
      const failed = await jobFailed(database, id);
      log.error({ err: error, job: id }, failed ? 'job.failed' : 'job.step-failed');
      return true;
    }
  }

  private observe({ job, state, done, skipped }: JobStep): void {
    const { metrics, log } = this.parts;
    if (done > 0) metrics.jobRows.inc({ kind: job.kind, result: 'done' }, done);
    if (skipped > 0) metrics.jobRows.inc({ kind: job.kind, result: 'skipped' }, skipped);
    if (done > 0 && job.kind !== 'discard') this.peers.nudge([job.consumerId]);
    if (state === 'running') return;
    const { id, kind, cause, channel, consumer } = job;
    log.info({ job: id, kind, cause, channel, consumer, done: job.done + done, skipped: job.skipped + skipped }, `job.${state}`);
  }
}
