export class ConsumerStatusView {
  channel!: string;
  consumer!: string;
  paused!: boolean;
  disabled!: boolean;
  /** Paused or disabled: deliveries wait until that ends. */
  held!: boolean;
  /** Of the circuit breaker: while it is not closed, deliveries wait. */
  breaker!: 'closed' | 'open' | 'half-open';
  /** Since when it has had nothing but failures. */
  failingSince!: Date | null;
  /** Deliveries that are due or in flight, counted up to 10000; up to fewer, 100 at least, when several consumers of the page have thousands. */
  ready!: number;
  /** When the longest waiting of them became ready. */
  oldestReadyAt!: Date | null;
  /** Deliveries that wait behind others of their key, counted in the same way. */
  waiting!: number;
  /** Keys whose first message is a dead letter and holds the others, counted in the same way. */
  blockedKeys!: number;
  /** Dead letters, counted in the same way. */
  deadLetters!: number;
  /** Whether a count stopped, so that there may be more. */
  capped!: boolean;
}

export class ScheduledStatusView {
  /** Messages that wait for their time, counted up to 10000. */
  messages!: number;
  /** How many seconds ago the first of them was due; 0 when none is overdue. */
  overdueSeconds!: number;
  /** Whether the count stopped at 10000. */
  capped!: boolean;
}

export class StatusList {
  items!: ConsumerStatusView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
  /** Of all channels. */
  scheduled!: ScheduledStatusView;
}
