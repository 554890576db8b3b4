import type { ErrorClass } from '@app/domain';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Seconds: work inside the machine or the database, from 1 ms to 10 s. */
const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds: one HTTP attempt, up to the largest delivery timeout (120 s). */
const ATTEMPT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120];
/** Seconds: from acceptance to delivery, retries included: from 5 ms to 2 days. */
const END_TO_END = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 36_000, 172_800];
/** Messages in one transaction, up to the largest ACCEPT_BATCH (500). */
const BATCH = [1, 2, 5, 10, 25, 50, 100, 250, 500];

export type ProcessMetrics = { readonly transactionRetries: Counter<'transaction' | 'code'> };
export type IngestMetrics = ReturnType<typeof createIngestMetrics>;
export type DispatcherMetrics = ReturnType<typeof createDispatcherMetrics>;
export type SchedulerMetrics = ReturnType<typeof createSchedulerMetrics>;

/** What `posthorn_attempts_total{outcome}` counts by. */
export type AttemptOutcome = 'delivered' | ErrorClass;

/** A registry of its own for one process, with the default metrics of Node (`process_*`, `nodejs_*`). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export function createIngestMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  return {
    ...createProcessMetrics(registry),
    accepted: counter('accepted_total', 'Messages, by what became of them', 'result'),
    commitSeconds: histogram('commit_seconds', 'One accepting transaction, from begin to commit', SHORT),
    acceptBatchMessages: histogram('accept_batch_messages', 'Messages in one accepting transaction', BATCH),
    acceptQueueMessages: gauge('accept_queue_messages', 'Messages that wait for a commit'),
  } as const;
}

export function createDispatcherMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  return {
    ...createProcessMetrics(registry),
    attempts: counter<'outcome'>('attempts_total', 'Attempts, by outcome: delivered or an error class', 'outcome'),
    claimSeconds: histogram('claim_seconds', 'One claim', SHORT),
    settleSeconds: histogram('settle_seconds', 'One batch of outcomes written', SHORT),
    deliverySeconds: histogram('delivery_seconds', 'One attempt, from connect to the last byte', ATTEMPT),
    endToEndSeconds: histogram('end_to_end_seconds', 'From acceptance, or the time a message is scheduled for, to delivered', END_TO_END),
    inFlight: gauge('in_flight', 'Deliveries in flight in this process'),
    fenced: counter('fenced_total', 'Late outcomes refused because the lease had passed on'),
    rescued: counter('rescued_total', 'Deliveries claimed again after their lease ran out'),
    dead: counter('dead_total', 'Dead letters, by reason', 'reason'),
    fannedOut: counter('fanned_out_total', 'Deliveries made by fan-out after acceptance'),
    promoted: counter('promoted_total', 'Due retries and scheduled messages made ready'),
  } as const;
}

export function createSchedulerMetrics(registry: Registry) {
  const { counter, gauge } = makers(registry);
  return {
    ...createProcessMetrics(registry),
    leader: gauge('leader', '1 while this scheduler leads, otherwise 0'),
    backlog: gauge('backlog', 'Rows of a hot table', 'table'),
    oldestUnfinishedSeconds: gauge('oldest_unfinished_seconds', 'Age of the oldest delivery that is due and not finished'),
    failsafeRuns: counter('failsafe_runs_total', 'Runs of a fail-safe duty', 'duty'),
    failsafeRepaired: counter('failsafe_repaired_total', 'Rows that a fail-safe duty repaired', 'duty'),
  } as const;
}

function createProcessMetrics(registry: Registry): ProcessMetrics {
  const { counter } = makers(registry);
  return {
    transactionRetries: counter('transaction_retries_total', 'Transactions repeated, by database error', 'transaction', 'code'),
  };
}

function makers(registry: Registry) {
  const named = <Label extends string>(name: string, help: string, labelNames: Label[]) => ({
    name: `posthorn_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  return {
    counter: <Label extends string = never>(name: string, help: string, ...labels: Label[]) => new Counter(named(name, help, labels)),
    gauge: <Label extends string = never>(name: string, help: string, ...labels: Label[]) => new Gauge(named(name, help, labels)),
    histogram: (name: string, help: string, buckets: number[]) => new Histogram({ ...named(name, help, []), buckets }),
  };
}
