import { type Id, msOf, type NextStep, replayedBy } from '@app/domain';
import type { Log } from './log.js';
import type { AttemptMetrics } from './metrics.js';

/** An attempt whose outcome is written. */
export interface Attempted {
  messageId: Id;
  channel: string;
  consumer: string;
  /** 1, 2, … */
  attempt: number;
  step: NextStep;
  /** Unix ms. */
  startedAtMs: number;
  durationMs: number;
  httpCode: number | null;
  /** The job that sends it again: how long ago its message was accepted says nothing then. */
  replay?: Id;
  /** Of a message that was scheduled: when it was due, Unix ms. */
  dueAtMs?: number;
}

/** The one line and the counts of an attempt, pushed or pulled. */
export function observeAttempt(attempted: Attempted, metrics: AttemptMetrics, log: Log): void {
  const { messageId, channel, consumer, attempt, step, startedAtMs, durationMs, httpCode, dueAtMs = msOf(messageId) } = attempted;
  const replay = replayedBy(attempted);
  metrics.attempts.inc({ outcome: step.to === 'delivered' ? 'delivered' : step.errorClass });
  if (step.to === 'delivered' && replay === undefined)
    metrics.endToEndSeconds.observe(Math.max(0, startedAtMs + durationMs - dueAtMs) / 1000);
  if (step.to === 'dead' && step.reason !== 'test-failed') metrics.dead.inc({ reason: step.reason });
  const line = {
    message: messageId,
    channel,
    consumer,
    attempt,
    outcome: step.to,
    error: step.to === 'delivered' ? undefined : step.errorClass,
    reason: step.to === 'dead' ? step.reason : undefined,
    httpCode: httpCode ?? undefined,
    durationMs,
    replay,
    nextInMs: step.to === 'retry' ? step.delayMs : undefined,
  };
  log.info(line, 'delivery.attempted');
}
