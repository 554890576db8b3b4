import {
  type BreakerReason,
  type FailingStep,
  type Id,
  LEAST_FAILURES,
  type NextStep,
  type ProbeStep,
  type SystemEvent,
} from '@app/domain';
import type { Statement } from '../packets.js';
import { insertEvents } from './events.js';
import { afterRecovery, beforeRecovery } from './recovery.js';

/** What an attempt means for its consumer, beside its delivery. */
export type ConsumerChange =
  /** `epoch`: of the consumer as it was claimed; if its breaker has changed since, nothing happens. */
  | { kind: 'breaker-opens'; epoch: number; reason: BreakerReason; openMs: number }
  /** Of the probe that was allowed with this token; if somebody else has the right by now, nothing happens. */
  | { kind: 'probe-ends'; token: Id; step: ProbeStep; openedAt: Date | null }
  /** `forSeconds`: of nothing but failures, as the claim saw it. What is due is done if what is stored says so, too. */
  | (FailingStep & { kind: 'failing' } & { forSeconds: number; disableAfterSeconds: number })
  | { kind: 'recovered' };

/** Of a settlement, what is about its consumer. */
interface Told {
  claim: { consumerId: number };
  step: NextStep;
  holdMs?: number;
  changes?: readonly ConsumerChange[];
}

/** Writes what settlements mean for their consumers, in the order of the consumers: none for those that are well. */
export function changeConsumers(batch: readonly Told[], mint: () => Id): Statement[] {
  const byConsumer = new Map<number, Told[]>();
  for (const settlement of batch) {
    const { claim, step, holdMs = 0, changes } = settlement;
    if (holdMs > 0 || changes !== undefined || (step.to === 'dead' && step.disableConsumer)) {
      byConsumer.set(claim.consumerId, [...(byConsumer.get(claim.consumerId) ?? []), settlement]);
    }
  }
  return [...byConsumer].toSorted(([a], [b]) => a - b).flatMap(([consumerId, own]) => changeConsumer(consumerId, own, mint));
}

function changeConsumer(consumerId: number, own: readonly Told[], mint: () => Id): Statement[] {
  const changes = own.flatMap((settlement) => settlement.changes ?? []);
  const event = (told: SystemEvent): Statement[] => [
    NOTE_CHANGE,
    ...insertEvents([{ id: mint(), consumerId, event: told, at: new Date() }], '@changed > 0'),
  ];
  const recovers = changes.some((change) => change.kind === 'recovered' || (change.kind === 'probe-ends' && change.step.to === 'closed'));
  return [
    ...hold(consumerId, Math.max(...own.map(({ holdMs = 0 }) => holdMs))),
    ...(own.some(({ step }) => step.to === 'dead' && step.disableConsumer)
      ? [disable(consumerId, 'gone'), ...event({ type: 'consumer.disabled', reason: 'gone' })]
      : []),
    ...(recovers ? beforeRecovery(consumerId) : []),
    ...changes.flatMap((change) => write(consumerId, change, event)),
    ...(recovers ? afterRecovery(consumerId, mint) : []),
  ];
}

/** Whether the update before it changed the consumer: what follows is conditional on it. A SET makes ROW_COUNT() 0. */
const NOTE_CHANGE: Statement = { sql: 'SET @changed = ROW_COUNT()' };
const NOTE_RECOVERY: Statement = { sql: 'SET @recovered = @recovered + @changed' };

function write(consumerId: number, change: ConsumerChange, event: (told: SystemEvent) => Statement[]): Statement[] {
  switch (change.kind) {
    case 'breaker-opens': {
      const { epoch, reason, openMs } = change;
      const sql = `UPDATE consumer SET breaker_until = NOW(3) + INTERVAL ? MICROSECOND, breaker_opened_at = NOW(3), breaker_reason = ?, breaker_openings = 1,
          breaker_passed = 0, breaker_probe = NULL, breaker_epoch = breaker_epoch + 1 WHERE id = ? AND breaker_until IS NULL AND breaker_epoch = ?`;
      return [{ sql, values: [openMs * 1000, reason, consumerId, epoch] }, ...event({ type: 'breaker.opened', reason, openMs })];
    }
    case 'probe-ends': {
      const { token, step, openedAt } = change;
      const [set, ...values] = afterProbe(step);
      const ended = { sql: `UPDATE consumer SET ${set} WHERE id = ? AND breaker_probe = ?`, values: [...values, consumerId, token] };
      return step.to === 'closed' ? [ended, ...event({ type: 'breaker.closed', by: 'probe', openedAt }), NOTE_RECOVERY] : [ended];
    }
    case 'failing': {
      const { sinceMs, failures, due, forSeconds, disableAfterSeconds } = change;
      const sql = `UPDATE consumer SET failing_since = COALESCE(failing_since, NOW(3) - INTERVAL ? MICROSECOND), failing_attempts = failing_attempts + ?
         WHERE id = ?`;
      const noted = { sql, values: [sinceMs * 1000, failures, consumerId] };
      if (due === undefined) return [noted];
      if (due === 'warning') {
        return [noted, warn(consumerId, disableAfterSeconds / 2), ...event({ type: 'consumer.failing', forSeconds, disableAfterSeconds })];
      }
      const told = { type: 'consumer.disabled', reason: 'failing' } as const;
      return [noted, disable(consumerId, 'failing', disableAfterSeconds), ...event(told)];
    }
    case 'recovered':
    default: {
      const sql = 'UPDATE consumer SET failing_since = NULL, failing_attempts = 0 WHERE id = ? AND failing_since IS NOT NULL';
      return [{ sql, values: [consumerId] }, NOTE_CHANGE, NOTE_RECOVERY];
    }
  }
}

function afterProbe(step: ProbeStep): [string, ...unknown[]] {
  if (step.to === 'closed') return [`${CLOSED}, breaker_epoch = breaker_epoch + 1`];
  if (step.to === 'half-open') return ['breaker_until = NOW(3), breaker_passed = ?, breaker_probe = NULL', step.passed];
  const set = 'breaker_until = NOW(3) + INTERVAL ? MICROSECOND, breaker_openings = ?, breaker_passed = 0, breaker_probe = NULL';
  return [set, step.openMs * 1000, step.openings];
}

const CLOSED =
  'breaker_until = NULL, breaker_opened_at = NULL, breaker_reason = NULL, breaker_openings = 0, breaker_passed = 0, breaker_probe = NULL';

/** Nothing but failures is known of it for so long: `[seconds, LEAST_FAILURES]`. */
const ONLY_FAILURES = 'failing_since <= NOW(3) - INTERVAL ? SECOND AND failing_attempts >= ?';

/** Once for all failures since the same success: it is noted since when it failed when it was told. */
const warn = (consumerId: number, failingSeconds: number): Statement => ({
  sql: `UPDATE consumer SET failing_told = failing_since
     WHERE id = ? AND disabled_at IS NULL AND NOT (failing_told <=> failing_since) AND ${ONLY_FAILURES}`,
  values: [consumerId, failingSeconds, LEAST_FAILURES],
});

/** With `failingSeconds`: only if nothing but failures is known of it for so long. */
function disable(consumerId: number, reason: 'gone' | 'failing', failingSeconds?: number): Statement {
  const proved = failingSeconds === undefined ? '' : `AND ${ONLY_FAILURES}`;
  return {
    sql: `UPDATE consumer SET disabled_at = NOW(3), disabled_reason = ?, version = version + 1, updated_at = NOW(3)
       WHERE id = ? AND disabled_at IS NULL ${proved}`,
    values: [reason, consumerId, ...(failingSeconds === undefined ? [] : [failingSeconds, LEAST_FAILURES])],
  };
}

/** A hold is never shortened by another one. Not a change of settings: the consumer's version stays. */
function hold(consumerId: number, ms: number): Statement[] {
  if (ms === 0) return [];
  const sql = `UPDATE consumer SET hold_until = GREATEST(COALESCE(hold_until, NOW(3)), NOW(3) + INTERVAL ? MICROSECOND) WHERE id = ?`;
  return [{ sql, values: [ms * 1000, consumerId] }];
}
