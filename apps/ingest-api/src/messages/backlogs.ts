import { Problem } from '@app/domain';
import { type Log, Repeat, STALE_MS } from '@app/runtime';
import { channelBacklogs, type Database, maxBacklogs, scheduledBacklogs } from '@app/storage';

const EVERY_MS = 1_000;
/** Counting takes this part of the time at most, and waits no longer than that for its next turn. */
const MAX_SHARE = 0.05;
const MAX_WAIT_MS = 10_000;
/** A channel is counted for as long after somebody published to it, or tried to: longer than producers wait before they try again. */
const WATCH_MS = 60_000;
const MAX_WATCHED = 10_000;
const RETRY_AFTER_SECONDS = 5;

/** What a channel has as much of as it may have, or more. */
interface Full {
  max: number;
  unfinished: boolean;
  scheduled: boolean;
}

/**
 * Which channels have so much unfinished work that nothing more is accepted for them, or so much scheduled that nothing more is scheduled. Every second it reads
 * what the channels in use allow, and counts those that have a limit; what comes in between two counts is not refused.
 */
export class Backlogs {
  readonly loop: Repeat;
  private readonly touched = new Set<number>();
  /** When somebody last published. */
  private readonly watched = new Map<number, number>();
  private full: ReadonlyMap<number, Full> = new Map();

  /** `operatorsMax`: of channels that say nothing; 0: no limit. */
  constructor(
    private readonly database: Database,
    private readonly operatorsMax: number,
    log: Log,
  ) {
    this.loop = new Repeat({ name: 'backlogs', log, staleAfterMs: STALE_MS, doOnce: () => this.count() });
  }

  /** Says, with {@link Problem} `backlog-full`, why what was not stored before is refused, to leave now or to be scheduled; undefined: it is not. */
  refusal(channelId: number, scheduled: boolean): Problem | undefined {
    this.touched.add(channelId);
    const full = this.full.get(channelId);
    if (!full || !(full.unfinished || scheduled)) return undefined;
    const what = full.unfinished ? 'deliveries of the channel or more are not finished' : 'messages of the channel or more are scheduled';
    return new Problem('backlog-full', `${full.max} ${what}; its limit is ${full.max}`, {
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
    const unfinished = await channelBacklogs(this.database, limits);
    const scheduled = await scheduledBacklogs(this.database, limits);
    const found = [...limits].map(([id, max]): [number, Full] => [
      id,
      { max, unfinished: unfinished.get(id)! >= max, scheduled: scheduled.get(id)! >= max },
    ]);
    this.full = new Map(found.filter(([, full]) => full.unfinished || full.scheduled));
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
