import type { SchedulerMetrics } from '@app/runtime';
import { type Database, backlog, troubledConsumers } from '@app/storage';
import type { Duty } from './duty.js';

/** Publishes how much work is unfinished and for how long the oldest of it has waited. */
export const measureBacklog = (database: Database, metrics: SchedulerMetrics): Duty => ({
  name: 'measure-backlog',
  everyMs: 10_000,
  doOnce: async () => {
    const { fanout, ready, retry, scheduled, keyWaiting, keyBlocked, deadLetters, oldestMs, oldestPullMs, scheduledOverdueMs } =
      await backlog(database);
    const tables = { fanout, ready, retry, scheduled, key_waiting: keyWaiting, key_blocked: keyBlocked, dead_letter: deadLetters };
    for (const [table, rows] of Object.entries(tables)) metrics.backlog.set({ table }, rows);
    metrics.oldestUnfinishedSeconds.set(oldestMs / 1000);
    metrics.oldestPullSeconds.set(oldestPullMs / 1000);
    const { open, failing } = await troubledConsumers(database);
    metrics.openBreakers.set(open);
    metrics.failingConsumers.set(failing);
    metrics.scheduledOverdueSeconds.set(scheduledOverdueMs / 1000);
    return 0;
  },
});
