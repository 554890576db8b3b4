import { backOffMs } from '@app/domain';
import { isReadOnly, refusesWrites } from './errors.js';

/** For this long after a write was refused, the server counts as one that refuses them. */
const REFUSAL_MS = 5_000;
const RENEW = { firstMs: 50, capMs: 1_000 };

/** What all connections of a process to one database have learned about its server: that it is there, and will not write. */
export class Refusals {
  private readonly renew: (() => void)[] = [];
  private last: { at: number; error: unknown } | undefined;
  private renewals = 0;
  private renewAt = -Infinity;

  /** What the server said when it refused a write within the last 5 s. */
  get current(): unknown {
    return this.last && performance.now() - this.last.at < REFUSAL_MS ? this.last.error : undefined;
  }

  /** `renew` is called when the primary may be elsewhere now. */
  onReadOnly(renew: () => void): void {
    this.renew.push(renew);
  }

  /**
   * Takes note of an error of any kind. `current`: of a connection that was made since the last renewal. A server that stays read-only must not be
   * logged in to for every statement: connections are renewed at most once in a while.
   */
  note(error: unknown, current: boolean): void {
    if (!refusesWrites(error)) return;
    const now = performance.now();
    this.last = { at: now, error };
    if (!current || !isReadOnly(error) || now < this.renewAt) return;
    if (now > this.renewAt + REFUSAL_MS) this.renewals = 0;
    this.renewAt = now + backOffMs(RENEW, ++this.renewals, Math.random());
    for (const renew of this.renew) renew();
  }
}
