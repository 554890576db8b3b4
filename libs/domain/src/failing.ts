import { type AttemptResult, isOurs } from './next-step.js';

/** Seconds of nothing but failures after which a consumer is disabled; 0: never. */
export const DISABLE_AFTER_LIMITS = [0, 31_536_000] as const;
/** So many failures, at least, must have been seen before a consumer is disabled for them. */
export const LEAST_FAILURES = 10;
/** While a process has seen a success within this, a failure is an exception and nothing is written. */
const RECENT_MS = 10_000;
/** A process writes that a consumer fails, and how often it did, at most so often. */
const REPORT_MS = 10_000;
/** Successes of one recovery that are settled together write it once. */
const RECOVERY_MS = 1_000;

/** What is stored about a consumer that has had only failures for a while, as a claim saw it. */
export interface Failing {
  readonly forSeconds: number;
  readonly failures: number;
}

/** What is to be written about a consumer. */
export type FailingStep =
  | { readonly kind: 'recovered' }
  /** `sinceMs`: of what is not written, the first failure was so long ago, ten seconds at most. `due`: what it is time for, unless what is stored says otherwise: a warning from half of the time on. */
  | { readonly kind: 'failing'; readonly sinceMs: number; readonly failures: number; readonly due?: 'warning' | 'disabling' };

/** Whether an attempt succeeded (true) or failed (false); undefined: it failed on our side, which says nothing about the consumer. */
export function succeeded(result: AttemptResult): boolean | undefined {
  if (result.kind === 'answered') return result.httpCode >= 200 && result.httpCode < 300;
  return isOurs(result.errorClass) || result.errorClass === 'internal' ? undefined : false;
}

/**
 * The last attempts of one consumer in one process: decides when it is worth writing that it fails, or does not any more. A consumer that fails now and then
 * among successes writes nothing. Times are ms of any clock that does not go back.
 */
export class FailingStreak {
  private succeededAt = -Infinity;
  private failedAt: number | undefined;
  private unwritten = 0;
  private writtenAt = -Infinity;
  private recoveredAt = -Infinity;
  private isWritten = false;
  private isWarned = false;

  /** `stored`: whether the claim saw that the consumer fails. */
  success(stored: boolean, nowMs: number): FailingStep | undefined {
    const wasFailing = this.isWritten || (stored && nowMs - this.recoveredAt >= RECOVERY_MS);
    this.succeededAt = nowMs;
    this.failedAt = undefined;
    this.unwritten = 0;
    this.isWritten = false;
    if (!wasFailing) return undefined;
    this.recoveredAt = nowMs;
    return { kind: 'recovered' };
  }

  failure(stored: Failing | undefined, disableAfterSeconds: number, nowMs: number): FailingStep | undefined {
    // Another process may have seen a success since, or somebody resumed the consumer: what was seen longer ago says nothing about now.
    if (stored === undefined && this.failedAt !== undefined && nowMs - this.failedAt > RECENT_MS) {
      this.failedAt = undefined;
      this.unwritten = 0;
    }
    this.failedAt ??= nowMs;
    this.unwritten++;
    const enough = disableAfterSeconds > 0 && stored !== undefined && stored.failures + this.unwritten >= LEAST_FAILURES;
    const disable = enough && stored.forSeconds >= disableAfterSeconds;
    const warn = enough && stored.forSeconds >= disableAfterSeconds / 2;
    const isUrgent = disable || (warn && !this.isWarned);
    this.isWarned = warn;
    if (!isUrgent && (nowMs - this.succeededAt < RECENT_MS || nowMs - this.writtenAt < REPORT_MS)) return undefined;
    const sinceMs = Math.min(RECENT_MS, Math.round(nowMs - this.failedAt));
    const due = disable ? ('disabling' as const) : warn ? ('warning' as const) : undefined;
    const step = { kind: 'failing', sinceMs, failures: this.unwritten, ...(due && { due }) } as const;
    this.unwritten = 0;
    this.writtenAt = nowMs;
    this.isWritten = true;
    return step;
  }
}
