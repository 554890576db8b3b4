import { Problem } from '@app/domain';
import { type Log, Repeat, STALE_MS } from '@app/runtime';
import { channelBacklogs, type Database, maxBacklogs } from '@app/storage';

const EVERY_MS = 1_000;
/** Counting takes this part of the time at most, and waits no longer than that for its next turn. */
const MAX_SHARE = 0.05;
const MAX_WAIT_MS = 10_000;
/** A channel is counted for as long after somebody published to it, or tried to: longer than producers wait before they try again. */
const WATCH_MS = 60_000;
const MAX_WATCHED = 10_000;
const RETRY_AFTER_SECONDS = 5;

/**
 * Which channels have so much unfinished work that nothing more is accepted for them. Every second it reads what the channels in use allow, and counts those that
 * have a limit; what comes in between two counts is not refused.
 */
export class Backlogs {
  readonly loop: Repeat;
  private readonly touched = new Set<number>();
  /** When somebody last published. */
  private readonly watched = new Map<number, number>();
  private full: ReadonlyMap<number, number> = new Map();

  /** `operatorsMax`: of channels that say nothing; 0: no limit. */
  constructor(
    private readonly database: Database,
    private readonly operatorsMax: number,
    log: Log,
  ) {
    this.loop = new Repeat({ name: 'backlogs', log, staleAfterMs: STALE_MS, doOnce: () => this.count() });
  }

  /** Throws {@link Problem} `backlog-full`. */
  demandRoom(channelId: number): void {
    this.touched.add(channelId);
    const max = this.full.get(channelId);
    if (max === undefined) return;
    throw new Problem('backlog-full', `${max} deliveries of the channel or more are not finished; its limit is ${max}`, {
      field: 'channel',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }

  private async count(): Promise<number> {
    const began = performance.now();
    this.watch(began);
    const limits = new Map<number, number>();
    for (const [id, own] of await maxBacklogs(this.database, [...this.watched.keys()])) {
      const max = own ?? this.operatorsMax;
      if (max > 0) limits.set(id, max);
    }
    const counts = await channelBacklogs(this.database, limits);
    this.full = new Map([...limits].filter(([id, max]) => counts.get(id)! >= max));
    return Math.min(Math.max(EVERY_MS, (performance.now() - began) / MAX_SHARE), MAX_WAIT_MS);
  }

  private watch(now: number): void {
    for (const id of this.touched) {
      this.watched.delete(id);
      this.watched.set(id, now);
    }
    this.touched.clear();
    // Longest ago first.
    for (const [id, at] of this.watched) {
      if (this.watched.size <= MAX_WATCHED && now - at < WATCH_MS) break;
      this.watched.delete(id);
    }
  }
}
