import { type DispatcherMetrics, type Log, observeAttempt } from '@app/runtime';
import type { Settlement } from '@app/storage';
import type { Target } from '../lanes/targets.js';

/** What is kept of a delivery until its outcome is written; not its payload. */
export interface Outcome extends Settlement {
  target: Target;
  /** Of a message that was scheduled. */
  dueAtMs: number | undefined;
}

/** One line and one count for every attempt, after it was settled. */
export function observe(outcome: Outcome, metrics: DispatcherMetrics, log: Log): void {
  const { claim, step, durationMs, httpCode, startedAtMs, target, dueAtMs, holdMs = 0 } = outcome;
  const { messageId, attempt, replay } = claim;
  const { channel, consumer } = target;
  const disabled = (reason: 'gone' | 'failing'): void => {
    metrics.consumersDisabled.inc({ reason });
    log.warn({ channel, consumer, reason }, 'consumer.disabled');
  };
  observeAttempt({ messageId, channel, consumer, attempt, step, startedAtMs, durationMs, httpCode, replay, dueAtMs }, metrics, log);
  metrics.deliverySeconds.observe(durationMs / 1000);
  if (holdMs > 0) {
    metrics.held.inc();
    log.info({ channel, consumer, httpCode, holdMs }, 'consumer.held');
  }
  if (step.to === 'dead' && step.disableConsumer) disabled('gone');
  for (const change of outcome.changes ?? []) {
    if (change.kind === 'breaker-opens') {
      metrics.breakersOpened.inc({ reason: change.reason });
      log.warn({ channel, consumer, reason: change.reason, openMs: change.openMs }, 'breaker.opened');
    }
    if (change.kind === 'probe-ends') {
      metrics.probesEnded.inc({ to: change.step.to });
      log.info({ channel, consumer, ...change.step }, 'breaker.probed');
    }
    if (change.kind === 'failing' && change.due === 'disabling') disabled('failing');
    if (change.kind === 'recovered') log.info({ channel, consumer }, 'consumer.recovered');
  }
}
