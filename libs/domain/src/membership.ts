/** A process of a kind, as the table of processes shows it. Times are ages by the database's clock. */
export interface Peer {
  readonly number: number;
  readonly token: string;
  /** Since it took its number. */
  readonly startedMs: number;
  /** Since its last heartbeat. */
  readonly silentMs: number;
}

/** A process that has been silent for so long is left out by the others. */
export const SILENT_MS = 8_000;
/** What was read may be gone by for so long: who reads more rarely holds still in between. */
export const VALID_MS = 2_500;
/** A process that joins others holds still for so long, in which all of them have read that it is there, or hold still themselves. */
export const JOIN_MS = 3_000;

/**
 * Which processes share something out among themselves, as one of them may believe it. All processes that are not silent count from the moment that they are
 * seen, so that the others make room at once; a process takes its own share only when nobody can still believe that there is no such process:
 *
 * - it goes by what it has read for {@link VALID_MS}, and never for longer than the others may take it for alive;
 * - it waits for {@link JOIN_MS} when it joins others, and when it was silent for so long that it may have been left out.
 *
 * Times are passed in: monotonic ms, that run on while the process is frozen.
 */
export class Membership {
  private token: string | undefined;
  private nodes: readonly number[] = [];
  private mine = -1;
  private waitsUntil = -Infinity;
  private validUntil = -Infinity;
  /** Until then the others take this process for alive, as far as it knows. */
  private aliveUntil = -Infinity;
  private changedAt = -Infinity;

  /** Takes in what was read: all processes that are not silent. `readAt`: when the read began. */
  see(peers: readonly Peer[], token: string, readAt: number): void {
    const me = peers.find((peer) => peer.token === token);
    if (!me) {
      this.validUntil = -Infinity;
      return;
    }
    this.waitsUntil = peers.length === 1 ? -Infinity : this.waits(peers, me, readAt);
    this.token = token;
    this.mine = me.number;
    this.aliveUntil = readAt + SILENT_MS - me.silentMs;
    this.validUntil = Math.min(readAt + VALID_MS, this.aliveUntil);
    const numbers = peers.map((peer) => peer.number).toSorted((a, b) => a - b);
    if (numbers.join(' ') === this.nodes.join(' ')) return;
    this.nodes = numbers;
    this.changedAt = readAt;
  }

  /** The number of this process among the others; -1 before it has seen itself. */
  get me(): number {
    return this.mine;
  }

  /** The processes to share with, this one among them; none while this one must hold still. */
  at(now: number): readonly number[] {
    return now < this.validUntil && now >= this.waitsUntil ? this.nodes : [];
  }

  /** Since when this process has had what it has now: the last change of the processes, or the end of its wait. */
  get since(): number {
    return Math.max(this.changedAt, this.waitsUntil);
  }

  /** The eldest of those that are seen at a start need not wait: those that came later have seen it. */
  private waits(peers: readonly Peer[], me: Peer, readAt: number): number {
    if (this.token === me.token) return readAt > this.aliveUntil ? readAt + JOIN_MS : this.waitsUntil;
    const eldest = peers.every(
      (peer) => peer === me || peer.startedMs < me.startedMs || (peer.startedMs === me.startedMs && peer.number > me.number),
    );
    return eldest && this.token === undefined ? -Infinity : readAt + JOIN_MS - me.startedMs;
  }
}
