import { Membership } from '@app/domain';
import { type Log, Repeat, STALE_MS } from '@app/runtime';
import { type Database, dispatchers } from '@app/storage';

const REFRESH_MS = 1_000;

/** The dispatchers that this one shares limits with, read every second. */
export class Peers {
  readonly loop: Repeat;
  private readonly membership = new Membership();
  private last: readonly number[] = [];
  /** Somebody was told to hold still since the last look. */
  private stoodStill = false;

  constructor(
    private readonly parts: { database: Database; node: { readonly id: string } },
    log: Log,
    /** So many dispatchers live; `changed`: what is now the business of this one may have been that of others, or of nobody. */
    private readonly seen: (count: number, changed: boolean) => void,
  ) {
    this.loop = new Repeat({ name: 'peers', log, staleAfterMs: STALE_MS, doOnce: () => this.doOnce() });
  }

  get me(): number {
    return this.membership.me;
  }

  /** By their numbers, this one among them; none while this one must hold still. */
  get now(): readonly number[] {
    const nodes = this.membership.at(performance.now());
    this.stoodStill ||= nodes.length === 0;
    return nodes;
  }

  /** Since when this process has had what it has now, monotonic ms. */
  get since(): number {
    return this.membership.since;
  }

  /** One look; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    const readAt = performance.now();
    const peers = await dispatchers(this.parts.database);
    this.membership.see(peers, this.parts.node.id, readAt);
    const changed = this.stoodStill || this.now !== this.last;
    this.last = this.now;
    this.stoodStill = this.last.length === 0;
    this.seen(peers.length, changed);
    return REFRESH_MS * (0.8 + Math.random() / 5);
  }
}
