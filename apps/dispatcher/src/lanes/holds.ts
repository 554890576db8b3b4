import { type AttemptResult, holdMs, type RetryPolicy } from '@app/domain';

const MAX_KNOWN = 20_000;
/** For so long a process goes by what it saw itself; by then the hold is written, and may have been lifted. */
const OWN_MS = 2_000;

/** Consumers that asked to be left alone for a while. Settling tells the other processes; here it holds what is claimed already. */
export class Holds {
  private readonly consumers = new Map<number, { refusals: number; until: number; own: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  isHeld(consumerId: number): boolean {
    return this.now() < (this.consumers.get(consumerId)?.own ?? -Infinity);
  }

  /** An attempt has ended: for how many ms its consumer is to be held. What was under way when a hold began is no refusal of its own. */
  ended(consumerId: number, result: AttemptResult, policy: RetryPolicy): number {
    if (result.kind === 'answered' && result.httpCode < 300) this.consumers.delete(consumerId);
    const { refusals, until } = this.consumers.get(consumerId) ?? { refusals: 0, until: -Infinity };
    const count = this.now() < until ? refusals : refusals + 1;
    const ms = holdMs(result, policy, count);
    if (ms === 0) return 0;
    if (this.consumers.size >= MAX_KNOWN) this.consumers.clear();
    this.consumers.set(consumerId, { refusals: count, until: Math.max(until, this.now() + ms), own: this.now() + Math.min(ms, OWN_MS) });
    return ms;
  }
}
