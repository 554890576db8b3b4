import { type Log, Repeat, STALE_MS } from '@app/runtime';
import { type ActiveLane, type Database, activeLanes } from '@app/storage';

const BUSY_MS = 250;
const IDLE_MS = 1_000;

/** Finds the lanes that no nudge told us of (a nudge was lost, a lease ran out, a consumer was resumed), and which settings have changed. */
export class LanePoll {
  readonly loop: Repeat;
  private waitMs = BUSY_MS;

  constructor(
    private readonly database: Database,
    log: Log,
    private readonly found: (lanes: readonly ActiveLane[]) => void,
  ) {
    this.loop = new Repeat({ name: 'lane-poll', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  /** One look; answers in how many ms to look again: soon while there is work, doubling to a second when there is none. */
  async doOnce(): Promise<number> {
    const lanes = await activeLanes(this.database);
    if (lanes.length > 0) this.found(lanes);
    this.waitMs = lanes.length > 0 ? BUSY_MS : Math.min(IDLE_MS, this.waitMs * 2);
    return this.waitMs * (0.75 + Math.random() / 2);
  }
}
