import { succeeded } from './history.mjs';

/**
 * What a busy machine may take from an answer to its outcome in the database, from the end of a fault to the process being whole again, and from
 * bytes that were sent to their being read and noted: a dispatcher may be dead by then.
 */
const slackMs = 3000;
/** Timers may be so much early. */
const timerMs = 5;

/**
 * Every 2xx beyond the one that made a delivery delivered, by the reason why it could not be taken for that one. Posthorn promises at least
 * once: a repetition is right where a dispatcher could not know, or could not write, that the consumer had answered.
 */
export function duplicates(run, violate) {
  const reasons = {};
  for (const [where, seen] of run.arrivals) {
    const good = seen.filter(succeeded);
    if (good.length < 2) continue;
    const rows = new Map((run.attempts.get(where) ?? []).map((row) => [row.number, row]));
    for (const arrival of beyondTheRight(good, rows)) {
      const row = rows.get(arrival.attempt);
      const reason = reasonOf(arrival, row, run);
      reasons[reason ?? 'unexplained'] = (reasons[reason ?? 'unexplained'] ?? 0) + 1;
      if (reason === undefined) violate('unexplained duplicate', describe(arrival, row, run));
    }
  }
  return reasons;
}

function beyondTheRight(good, rows) {
  const right = good.find(({ attempt }) => rows.get(attempt)?.errorClass === null) ?? good.at(-1);
  return good.filter((arrival) => arrival !== right);
}

function reasonOf(arrival, row, run) {
  switch (row?.errorClass) {
    case 'lease-expired':
      return faultBehind(arrival, run);
    case 'timeout':
      return row.durationMs >= run.timeoutMs - timerMs ? 'the answer came after the timeout' : undefined;
    case 'connection-reset':
      return arrival.reset ? 'the consumer broke the connection after its answer' : undefined;
    default:
      return undefined;
  }
}

/** The fault for which the dispatcher that made this attempt could not write its outcome before the lease ran out. */
function faultBehind({ id, at, completedAt }, { faults, sightingsOf, leaseMs }) {
  const dispatchers = claimers(sightingsOf(id), at, leaseMs);
  const during = ({ from, until }) => from <= completedAt + slackMs && until + slackMs >= at;
  for (const fault of faults) {
    const { kind, target, from } = fault;
    if (target === 'database') {
      if (during(fault)) return 'the database was away';
    } else if (dispatchers.has(target)) {
      if (kind === 'kill' && during({ from, until: from })) return 'the dispatcher was killed';
      if (kind === 'freeze' && during(fault)) return 'the dispatcher was frozen';
      if (kind === 'stall connections' && during(fault)) return 'the way to the database was stalled';
    }
  }
  return undefined;
}

/** The dispatchers whose statements named the message while this attempt's lease may have begun. */
function claimers(sighted, at, leaseMs) {
  const names = new Set();
  for (const [name, times] of sighted) if (times.some((time) => time <= at && time >= at - leaseMs)) names.add(name);
  return names;
}

function describe({ id, consumer, attempt, at, completedAt }, row, { faults, sightingsOf, leaseMs }) {
  const by = claimers(sightingsOf(id), at, leaseMs);
  const near = faults
    .filter(({ target, from, until }) => (target === 'database' || by.has(target)) && from <= at + leaseMs && until >= at - leaseMs)
    .map(({ kind, target, from, until }) => `${kind} ${target} from ${Math.round(from - at)} to ${Math.round(until - at)} ms`);
  return [
    `${id} for ${consumer}: attempt ${attempt} by ${[...by].join(' or ') || 'an unknown dispatcher'}`,
    `was answered 2xx after ${Math.round(completedAt - at)} ms`,
    row ? `and is recorded as ${row.errorClass ?? 'delivered'} (${row.durationMs} ms)` : 'and is not recorded',
    `(near it: ${near.join(', ') || 'no fault'})`,
  ].join(' ');
}
