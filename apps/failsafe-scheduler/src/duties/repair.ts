import { type Log, type NudgeSender } from '@app/runtime';
import {
  type Database,
  type Node,
  buryNodes,
  fanOut,
  loosen,
  makePartitions,
  nudgeAddresses,
  promote,
  release,
  RetrySweep,
  sweepChannels,
  sweepOrphans,
  unblock,
} from '@app/storage';
import { drain } from './drain.js';
import type { Duty } from './duty.js';

export interface RepairParts {
  database: Database;
  node: Node;
  nudges: NudgeSender;
  log: Log;
  rationalDelayMs: number;
  /** Consumers of a channel up to which a released message gets its deliveries at once. */
  inlineFanout: number;
}

/** Messages that were accepted longer than the rational delay ago and are not out for delivery. */
export const fanOutForgotten = ({ database, nudges, log, rationalDelayMs }: RepairParts): Duty => ({
  name: 'fan-out-forgotten',
  everyMs: 1_000,
  doOnce: () =>
    drain(async () => {
      const step = await fanOut(database, rationalDelayMs);
      if (step && step.unjudged.length > 0) log.warn({ deliveries: step.unjudged.length, reason: step.unjudged[0] }, 'filters.unjudged');
      if (step && step.consumerIds.length > 0) nudges.nudge(step.consumerIds);
      return step ? Math.max(1, step.deliveries) : 0;
    }),
});

/** Retries that have been due for longer than the rational delay. */
export const promoteOverdue = ({ database, node, nudges, rationalDelayMs }: RepairParts): Duty => ({
  name: 'promote-overdue',
  everyMs: 1_000,
  doOnce: () =>
    drain(async () => {
      const { moved, consumerIds } = await promote(database, () => node.mint(), rationalDelayMs);
      if (moved > 0) nudges.nudge(consumerIds);
      return moved;
    }),
});

/** Scheduled messages that have been due for longer than the rational delay. */
export const releaseOverdue = ({ database, node, nudges, log, rationalDelayMs, inlineFanout }: RepairParts): Duty => ({
  name: 'release-overdue',
  everyMs: 1_000,
  doOnce: () =>
    drain(async () => {
      const { released, consumerIds, fanouts, unjudged } = await release(database, () => node.mint(), {
        inlineFanout,
        overdueMs: rationalDelayMs,
      });
      if (unjudged.length > 0) log.warn({ deliveries: unjudged.length, reason: unjudged[0] }, 'filters.unjudged');
      if (consumerIds.length > 0) nudges.nudge(consumerIds);
      if (fanouts > 0) nudges.nudge([]);
      return released;
    }),
});

/** Processes that fell silent. */
export const buryDeadNodes = ({ database, nudges, log }: RepairParts): Duty => ({
  name: 'bury-dead-nodes',
  everyMs: 5_000,
  doOnce: async () => {
    const dead = await buryNodes(database);
    for (const node of dead) log.warn(node, 'node.died');
    nudges.setAddresses(await nudgeAddresses(database, ['dispatcher', 'ingest']));
    return dead.length;
  },
});

/** Day partitions, a week ahead. */
export const makePartitionsAhead = ({ database, log }: RepairParts): Duty => ({
  name: 'make-partitions',
  everyMs: 600_000,
  doOnce: async () => {
    const made = await makePartitions(database);
    if (made.length > 0) log.info({ made }, 'partitions.made');
    return made.length;
  },
});

/** A run of sweeping ends after this: other duties are more urgent. */
const SWEEP_MS = 500;

/** What deleted consumers left behind. */
export const sweepDeleted = ({ database }: RepairParts): Duty => ({
  name: 'sweep-deleted',
  everyMs: 2_000,
  doOnce: () => drain(() => sweepOrphans(database), SWEEP_MS),
});

/** What deleted channels left behind: consumers and idempotency keys. */
export const sweepDeletedChannels = ({ database }: RepairParts): Duty => ({
  name: 'sweep-channels',
  everyMs: 2_000,
  doOnce: () => drain(() => sweepChannels(database), SWEEP_MS),
});

/** Retries of deleted consumers. */
export const sweepDeletedRetries = ({ database }: RepairParts): Duty => {
  const sweep = new RetrySweep(database);
  return {
    name: 'sweep-retries',
    everyMs: 2_000,
    doOnce: async () => {
      const until = performance.now() + SWEEP_MS;
      let total = 0;
      while (performance.now() < until) {
        const { swept, over } = await sweep.step();
        total += swept;
        if (over) break;
      }
      return total;
    },
  };
};
/** Deliveries that wait for others of their key although their consumer does not ask for that any more. */
export const letKeysGo = ({ database, nudges }: RepairParts): Duty => ({
  name: 'let-keys-go',
  everyMs: 2_000,
  doOnce: async () => {
    let total = 0;
    for (const step of [unblock, loosen]) {
      total += await drain(async () => {
        const { count, consumerIds } = await step(database);
        if (count > 0) nudges.nudge(consumerIds);
        return count;
      });
    }
    return total;
  },
});
