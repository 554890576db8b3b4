import { jobStates } from '@app/domain';
import type { SchedulerMetrics } from '@app/runtime';
import { countJobs, type Database, pruneJobs } from '@app/storage';
import { drain } from './drain.js';
import type { Duty } from './duty.js';

const DAY_MS = 86_400_000;

/** Publishes how many jobs there are in each state. */
export const measureJobs = (database: Database, metrics: SchedulerMetrics): Duty => ({
  name: 'measure-jobs',
  everyMs: 10_000,
  doOnce: async () => {
    const counts = await countJobs(database);
    for (const state of jobStates) metrics.jobs.set({ state }, counts.get(state) ?? 0);
    return 0;
  },
});

/** Deletes the jobs that finished longer ago than they are kept. */
export const pruneFinishedJobs = (database: Database, retentionDays: number): Duty => ({
  name: 'prune-jobs',
  everyMs: 60_000,
  doOnce: () => drain(() => pruneJobs(database, new Date(Date.now() - retentionDays * DAY_MS))),
});
