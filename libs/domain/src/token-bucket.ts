/** A lane whose turn comes late, because a timer or a claim was, may make up for so much time. */
const LATE_SECONDS = 0.05;

/**
 * A token bucket: a request may begin for each token, `perSecond` tokens come in a second, and `burst` of them are kept. In `t` seconds no more than
 * `burst + perSecond × (t + 0.05)` are taken. Times are passed in, monotonic ms; a bucket is empty at `sinceMs`.
 */
export class TokenBucket {
  private tokens = 0;
  private at: number;

  constructor(
    private perSecond: number,
    private burst: number,
    sinceMs: number,
  ) {
    this.at = sinceMs;
  }

  /** From now on. Tokens that came at the former rate stay, as far as there is room for them. */
  set(perSecond: number, burst: number, nowMs: number): void {
    if (perSecond === this.perSecond && burst === this.burst) return;
    this.fill(nowMs);
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = Math.min(this.tokens, this.room);
  }

  /** Whole tokens that are there. */
  available(nowMs: number): number {
    this.fill(nowMs);
    return Math.max(0, Math.floor(this.tokens + 1e-9));
  }

  /** More than there are make a debt, which is paid off first. */
  take(count: number, nowMs: number): void {
    this.fill(nowMs);
    this.tokens -= count;
  }

  /** Puts back what was not used. */
  back(count: number, nowMs: number): void {
    this.fill(nowMs);
    this.tokens = Math.min(this.tokens + count, this.room);
  }

  /** Until there are so many tokens, or as many as are kept. */
  waitMs(count: number, nowMs: number): number {
    this.fill(nowMs);
    return Math.max(0, ((Math.min(count, this.room) - this.tokens) / this.perSecond) * 1000);
  }

  private get room(): number {
    return this.burst + this.perSecond * LATE_SECONDS;
  }

  private fill(nowMs: number): void {
    if (nowMs <= this.at) return;
    this.tokens = Math.min(this.room, this.tokens + ((nowMs - this.at) / 1000) * this.perSecond);
    this.at = nowMs;
  }
}
