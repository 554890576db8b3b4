import { afterProbe, type AttemptResult, attemptHealth, BreakerWindow, type Failing, FailingStreak, openMs, succeeded } from '@app/domain';
import type { ConsumerChange, Probe } from '@app/storage';
import type { Target } from './targets.js';

const MAX_KNOWN = 20_000;
/** For so long a process goes by what it saw itself; by then it is written that the breaker opened, and may have been closed. */
const OWN_MS = 2_000;

/** Whose attempt it was. */
interface Attempted {
  claim: { consumerId: number };
  target: Target;
  probe?: Probe;
  failing?: Failing;
}

interface Known {
  /** Of the target whose attempts are in the window: with another one, or once the breaker has opened or closed, what was before is void. */
  version: string;
  window: BreakerWindow | undefined;
  streak: FailingStreak;
  /** Monotonic. */
  openUntil: number;
}

/** What this process has seen of consumers: from attempts to what is to be written of their breakers, and of those that only fail. */
export class ConsumerHealth {
  private readonly consumers = new Map<number, Known>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** This process opened the breaker a moment ago: what it has claimed already is not to be attempted. */
  isOpen(consumerId: number): boolean {
    return this.now() < (this.consumers.get(consumerId)?.openUntil ?? -Infinity);
  }

  /** An attempt has ended. Answers what is to be written with its outcome; undefined, mostly: nothing. */
  ended(work: Attempted, result: AttemptResult, durationMs: number): ConsumerChange[] | undefined {
    const known = this.of(work);
    const changes = [...this.breaker(known, work, result, durationMs), ...this.streak(known, work, result)];
    return changes.length > 0 ? changes : undefined;
  }

  private of({ claim: { consumerId }, target }: Attempted): Known {
    const found = this.consumers.get(consumerId);
    if (found?.version === target.version) return found;
    if (!found && this.consumers.size >= MAX_KNOWN) this.consumers.clear();
    const window = target.breaker ? new BreakerWindow(target.breaker) : undefined;
    const known = {
      version: target.version,
      window,
      streak: found?.streak ?? new FailingStreak(),
      openUntil: found?.openUntil ?? -Infinity,
    };
    this.consumers.set(consumerId, known);
    return known;
  }

  private breaker(known: Known, { target, probe }: Attempted, result: AttemptResult, durationMs: number): ConsumerChange[] {
    const { breaker, breakerEpoch: epoch } = target;
    if (!breaker) return [];
    const health = attemptHealth(result, durationMs, breaker.slowMs);
    if (probe) {
      const { token, openedAt } = probe;
      return [{ kind: 'probe-ends', token, step: afterProbe(health, probe, breaker), openedAt }];
    }
    const reason = health && known.window?.add(health, this.now());
    if (!reason) return [];
    known.window = new BreakerWindow(breaker);
    known.openUntil = this.now() + Math.min(OWN_MS, openMs(breaker, 1));
    return [{ kind: 'breaker-opens', epoch, reason, openMs: openMs(breaker, 1) }];
  }

  private streak({ streak }: Known, { target, failing }: Attempted, result: AttemptResult): ConsumerChange[] {
    const success = succeeded(result);
    if (success === undefined) return [];
    const { disableAfterSeconds } = target;
    const step = success ? streak.success(failing !== undefined, this.now()) : streak.failure(failing, disableAfterSeconds, this.now());
    if (!step) return [];
    if (step.kind === 'recovered') return [step];
    return [{ ...step, disableAfterSeconds, forSeconds: failing?.forSeconds ?? 0 }];
  }
}
