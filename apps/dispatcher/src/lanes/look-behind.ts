import { type Log, Repeat } from '@app/runtime';
import { type Database, findBehind } from '@app/storage';
import type { LaneCursors } from './lane-cursors.js';

/** What lies below a bound is found within this, unless looking takes long. */
const EVERY_MS = 1_000;
const AT_LEAST_EVERY_MS = 10_000;
/** At most this share of the time is spent looking. */
const SHARE = 0.05;

/** Looks for what the cursors have passed: leases that ran out, claims that were given back, messages that became visible late. */
export class LookBehind {
  readonly loop: Repeat;

  constructor(
    private readonly database: Database,
    private readonly cursors: LaneCursors,
    log: Log,
    private readonly found: (consumerIds: readonly number[]) => void,
  ) {
    this.loop = new Repeat({ name: 'look-behind', log, staleAfterMs: 60_000, doOnce: () => this.doOnce() });
  }

  /** One look; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    const begunAt = performance.now();
    const lanes = this.cursors.bound(begunAt);
    if (lanes.length === 0) return EVERY_MS;
    const behind = await findBehind(this.database, lanes);
    for (const { consumerId, leased } of behind) this.cursors.lookBehind(consumerId, !leased);
    if (behind.length > 0) this.found(behind.map(({ consumerId }) => consumerId));
    return Math.min(AT_LEAST_EVERY_MS, Math.max(EVERY_MS, (performance.now() - begunAt) / SHARE));
  }
}
