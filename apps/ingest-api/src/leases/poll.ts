import type { Leased, LeaseWish } from '@app/storage';

export type PollEnd = 'leased' | 'empty' | 'gone' | 'failed';

/** One request for leases, until it is answered. */
export class Poll {
  readonly answer: Promise<Leased[]>;
  private resolve!: (leased: Leased[]) => void;
  private reject!: (error: unknown) => void;
  private readonly timer: NodeJS.Timeout;
  private readonly leave = (): void => this.settle('gone', []);
  private leasing = false;
  /** A leasing transaction that began after the poll came has found nothing for it. */
  private tried = false;
  private late = false;
  private over = false;

  /** Answered with nothing after `waitMs`, but not before its lane was looked at once; and as soon as its client is `gone`. */
  constructor(
    readonly wish: LeaseWish,
    waitMs: number,
    private readonly gone: AbortSignal,
    private readonly ended: (how: PollEnd) => void,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.timer = setTimeout(() => this.dismiss(), waitMs);
    gone.addEventListener('abort', this.leave, { once: true });
  }

  /** No transaction has looked for it or is looking. */
  get untried(): boolean {
    return !this.tried && !this.leasing;
  }

  /** A leasing transaction begins for it. */
  begin(): void {
    this.leasing = true;
  }

  /** The transaction has found nothing. */
  miss(): void {
    this.leasing = false;
    this.tried = true;
    if (this.late) this.settle('empty', []);
  }

  /** No more waiting: it is answered with what the next look, or the one under way, finds. */
  dismiss(): void {
    this.late = true;
    if (this.tried && !this.leasing) this.settle('empty', []);
  }

  /** Answers. False when its client is gone. */
  give(leased: Leased[]): boolean {
    if (this.over) return false;
    this.settle('leased', leased);
    return true;
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.end('failed');
    this.reject(error);
  }

  private settle(how: PollEnd, leased: Leased[]): void {
    if (this.over) return;
    this.end(how);
    this.resolve(leased);
  }

  private end(how: PollEnd): void {
    this.over = true;
    clearTimeout(this.timer);
    this.gone.removeEventListener('abort', this.leave);
    this.ended(how);
  }
}
