import { type DispatcherMetrics, type Log, observeAttempt } from '@app/runtime';
import type { Settlement } from '@app/storage';
import type { Target } from '../lanes/targets.js';

/** One line and one count for every attempt, after it was settled. */
export function observe(settlement: Settlement, { channel, consumer }: Target, metrics: DispatcherMetrics, log: Log): void {
  const { claim, step, durationMs, httpCode, startedAtMs, holdMs = 0 } = settlement;
  const { messageId, attempt, replay } = claim;
  observeAttempt({ messageId, channel, consumer, attempt, step, startedAtMs, durationMs, httpCode, replay }, metrics, log);
  metrics.deliverySeconds.observe(durationMs / 1000);
  if (holdMs > 0) {
    metrics.held.inc();
    log.info({ channel, consumer, httpCode, holdMs }, 'consumer.held');
  }
  if (step.to === 'dead' && step.disableConsumer) log.warn({ channel, consumer, reason: step.reason }, 'consumer.disabled');
}
