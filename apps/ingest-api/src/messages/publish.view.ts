export class PublishedView {
  id!: string;
  /**
   * `acknowledged` until the deliveries exist, which for channels with many consumers is a moment later; then `out-for-delivery`. `scheduled` until it is due.
   */
  status!: 'acknowledged' | 'out-for-delivery' | 'scheduled' | 'cancelled';
  /**
   * How many consumers the message goes to; 0 when the channel has none, or none whose filter it matches. On a channel with more than INLINE_FANOUT consumers,
   * whose filters are asked a moment later, all of them are counted. 0 while it is scheduled: whom it goes to is decided when it is due.
   */
  deliveries!: number;
  /** When it leaves, by the clock of the database, or left. Only if it is, or was, scheduled. */
  deliverAt?: Date;
  /**
   * Only when `deliveries` of a new message is 0: the channel has no consumers, or none whose filter matches the message. It is stored, and nobody gets it, not even
   * consumers that come later.
   */
  warning?: 'no-consumers' | 'no-consumer-matches';
}
