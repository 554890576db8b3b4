import { msOf } from '@app/domain';
import type { DispatcherMetrics, Log } from '@app/runtime';
import type { Settlement } from '@app/storage';
import type { Target } from '../lanes/targets.js';

/** One line and one count for every attempt, after it was settled. */
export function observe(settlement: Settlement, target: Target, metrics: DispatcherMetrics, log: Log): void {
  const { claim, step, durationMs, httpCode, startedAtMs } = settlement;
  metrics.attempts.inc({ outcome: step.to === 'delivered' ? 'delivered' : step.errorClass });
  metrics.deliverySeconds.observe(durationMs / 1000);
  if (step.to === 'delivered') metrics.endToEndSeconds.observe(Math.max(0, startedAtMs + durationMs - msOf(claim.messageId)) / 1000);
  if (step.to === 'dead') metrics.dead.inc({ reason: step.reason });
  const line = {
    message: claim.messageId,
    channel: target.channel,
    consumer: target.consumer,
    attempt: claim.attempt,
    outcome: step.to,
    error: step.to === 'delivered' ? undefined : step.errorClass,
    reason: step.to === 'dead' ? step.reason : undefined,
    httpCode: httpCode ?? undefined,
    durationMs,
    nextInMs: step.to === 'retry' ? step.delayMs : undefined,
  };
  log.info(line, 'delivery.attempted');
  if (step.to === 'dead' && step.disableConsumer)
    log.warn({ channel: target.channel, consumer: target.consumer, reason: step.reason }, 'consumer.disabled');
}
