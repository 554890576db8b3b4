import type { ErrorClass } from '@app/domain';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Seconds: work inside the machine or the database, from 1 ms to 10 s. */
const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds: one HTTP attempt, up to the largest delivery timeout (120 s). */
const ATTEMPT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120];
/** Seconds: from acceptance to delivery, retries included: from 5 ms to 2 days. */
const END_TO_END = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 36_000, 172_800];
/** Seconds: a pull consumer's work, up to the longest lease (12 h). */
const HELD = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200];
/** Messages in one transaction, up to the largest ACCEPT_BATCH (500), or in one POST (100). */
const BATCH = [1, 2, 5, 10, 25, 50, 100, 250, 500];

export type ProcessMetrics = ReturnType<typeof createProcessMetrics>;
export type IngestMetrics = ReturnType<typeof createIngestMetrics>;
export type DispatcherMetrics = ReturnType<typeof createDispatcherMetrics>;
export type SchedulerMetrics = ReturnType<typeof createSchedulerMetrics>;

/** What `posthorn_attempts_total{outcome}` counts by. */
export type AttemptOutcome = 'delivered' | ErrorClass;
export type AttemptMetrics = ReturnType<typeof createAttemptMetrics>;

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
    unrouted: counter<'warning'>('unrouted_total', 'Messages stored for nobody: no-consumers, or no-consumer-matches', 'warning'),
    rateLimited: counter('rate_limited_total', 'Requests refused because their key has used up its rate'),
    denied: counter<'code'>('denied_total', 'Requests refused for want of a valid key (unauthorized) or of a right (forbidden)', 'code'),
    unaudited: counter('unaudited_total', 'Management writes whose audit row could not be written'),
    polls: gauge('polls', 'Requests of pull consumers for leases that have no answer yet'),
    pollBytes: gauge('poll_bytes', 'Payload bytes in answers to pull consumers on their way'),
    pollsAnswered: counter('polls_answered_total', 'Requests of pull consumers for leases, by how they ended', 'result'),
    leased: counter('leased_total', 'Deliveries leased to pull consumers'),
    leaseSeconds: histogram('lease_seconds', 'One leasing transaction', SHORT),
    leaseSettlements: counter('lease_settlements_total', 'Results that pull consumers sent, by what became of them', 'status'),
    leaseHeldSeconds: histogram('lease_held_seconds', 'From lease to settlement by a pull consumer', HELD),
    ...createAttemptMetrics(registry),
  } as const;
}

export function createDispatcherMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  return {
    ...createProcessMetrics(registry),
    ...createAttemptMetrics(registry),
    claimSeconds: histogram('claim_seconds', 'One claim', SHORT),
    deliverySeconds: histogram('delivery_seconds', 'One attempt, from connect to the last byte', ATTEMPT),
    batchMessages: histogram('batch_messages', 'Messages in one POST to a consumer that takes batches', BATCH),
    inFlight: gauge('in_flight', 'Deliveries in flight in this process'),
    fenced: counter('fenced_total', 'Late outcomes refused because the lease had passed on'),
    rescued: counter('rescued_total', 'Deliveries claimed again after their lease ran out'),
    fannedOut: counter('fanned_out_total', 'Deliveries made by fan-out after acceptance'),
    held: counter('held_total', 'Answers 429 and 503 after which their consumer was left alone for a while'),
    dispatchers: gauge('dispatchers', 'Dispatchers that share the limits of consumers, as this process sees them'),
    throttledLanes: gauge('throttled_lanes', 'Consumers with something due here that wait for their rate limit'),
    agedClaims: counter('aged_claims_total', 'Turns of lanes that took the oldest first, whatever its priority'),
    breakersOpened: counter('breakers_opened_total', 'Circuit breakers that this process opened, by why', 'reason'),
    probes: counter('probes_total', 'Deliveries tried to see whether a breaker may close'),
    probesEnded: counter('probes_ended_total', 'Probes, by what became of the breaker: closed, half-open, open', 'to'),
    consumersDisabled: counter('consumers_disabled_total', 'Consumers that were disabled because they are gone or only fail', 'reason'),
    promoted: counter('promoted_total', 'Due retries made ready'),
    released: counter('released_total', 'Scheduled messages that left when they were due'),
  } as const;
}

export function createSchedulerMetrics(registry: Registry) {
  const { counter, gauge } = makers(registry);
  return {
    ...createProcessMetrics(registry),
    leader: gauge('leader', '1 while this scheduler leads, otherwise 0'),
    backlog: gauge('backlog', 'Rows of a hot table', 'table'),
    oldestUnfinishedSeconds: gauge(
      'oldest_unfinished_seconds',
      'Age of the oldest delivery to a push consumer that is due and not finished',
    ),
    oldestPullSeconds: gauge('oldest_pull_seconds', 'Age of the oldest delivery that waits for a pull consumer or is leased to it'),
    openBreakers: gauge('open_breakers', 'Consumers whose circuit breaker is open or half-open'),
    failingConsumers: gauge('failing_consumers', 'Consumers that have had nothing but failures for a while'),
    scheduledOverdueSeconds: gauge('scheduled_overdue_seconds', 'How long ago the first scheduled message that has not left was due'),
    oldSeals: gauge('old_seals', 'Consumers with a secret that the first key of the ring has not sealed, at the last look'),
    jobs: gauge('jobs', 'Jobs (redrives, discards, replays) that are kept, by state', 'state'),
    jobRows: counter('job_rows_total', 'Deliveries that jobs moved (done) or found on their way already (skipped)', 'kind', 'result'),
    failsafeRuns: counter('failsafe_runs_total', 'Runs of a fail-safe duty', 'duty'),
    failsafeRepaired: counter('failsafe_repaired_total', 'Rows that a fail-safe duty repaired', 'duty'),
  } as const;
}

/** Of whoever settles: dispatchers for push consumers, ingest for pull consumers. */
function createAttemptMetrics(registry: Registry) {
  const { counter, histogram } = makers(registry);
  return {
    attempts: counter<'outcome'>('attempts_total', 'Attempts, by outcome: delivered or an error class', 'outcome'),
    settleSeconds: histogram('settle_seconds', 'One batch of outcomes written', SHORT),
    endToEndSeconds: histogram('end_to_end_seconds', 'From acceptance, or the time a message is scheduled for, to delivered', END_TO_END),
    dead: counter('dead_total', 'Dead letters, by reason', 'reason'),
  } as const;
}

function createProcessMetrics(registry: Registry) {
  const { counter, gauge } = makers(registry);
  const transactionRetries = counter('transaction_retries_total', 'Transactions repeated, by database error', 'transaction', 'code');
  const databaseConnections = gauge('database_connections', 'Open connections to the database');
  return {
    transactionRetries,
    databaseConnections,
    filtersUnjudged: counter('filters_unjudged_total', 'Deliveries made because a filter could not be judged, by why', 'reason'),
    clockSkewSeconds: gauge('clock_skew_seconds', 'How far the clock of this process is ahead of the database’s'),
    /** What a Database tells of itself: part of its options. */
    database: {
      onRetry: (transaction: string, code: string): void => transactionRetries.inc({ transaction, code }),
      onConnection: (change: 1 | -1): void => databaseConnections.inc(change),
    },
  } as const;
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
