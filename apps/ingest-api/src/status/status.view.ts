export class ConsumerStatusView {
  channel!: string;
  consumer!: string;
  paused!: boolean;
  disabled!: boolean;
  /** Paused or disabled: deliveries wait until that ends. */
  held!: boolean;
  /** Deliveries that are due or in flight, counted up to 10000. */
  ready!: number;
  /** When the longest waiting of them became ready. */
  oldestReadyAt!: Date | null;
  /** Dead letters, counted up to 10000. */
  deadLetters!: number;
  /** Whether a count stopped at 10000. */
  capped!: boolean;
}

export class StatusList {
  items!: ConsumerStatusView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}
