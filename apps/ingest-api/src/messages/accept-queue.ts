import { Problem } from '@app/domain';
import type { IngestMetrics } from '@app/runtime';
import type { AcceptOutcome, NewMessage } from '@app/storage';
import { databaseProblem } from '../http/database-problem.js';

export interface AcceptLimits {
  /** Messages in one transaction. */
  batch: number;
  /** Messages that may wait for a commit. */
  messages: number;
  /** Payload bytes that may wait for a commit. */
  bytes: number;
}

type Store = (batch: readonly NewMessage[]) => Promise<AcceptOutcome[]>;

interface Waiting {
  message: NewMessage;
  resolve: (outcome: AcceptOutcome) => void;
  reject: (error: unknown) => void;
}

/** Two transactions at a time: one commits while the next is filled; a third gains nothing (docs/decisions/0003). */
const CONNECTIONS = 2;
/** The second one begins only beside a small first one or when it is large itself: two half-full ones cost more than they gain. */
const SMALL_BATCH = 8;
const LARGE_BATCH = 32;
/** Payload bytes in one transaction, unless a single payload is larger: hex in SQL doubles them, and max_allowed_packet is 16 MiB on MariaDB. */
const BATCH_BYTES = 4 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 1;

/**
 * Batches that follow the commit: whatever queued while the previous transaction was under way is the next one. No timer: a lone message is stored at
 * once. The queue is bounded in messages and in bytes; beyond that `add` refuses with `queue-full` and nothing is stored.
 */
export class AcceptQueue {
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private storing = 0;
  /** Messages in the transactions under way. */
  private storingMessages = 0;
  private closed = false;
  private scheduled = false;
  private drained: (() => void) | undefined;

  constructor(
    private readonly store: Store,
    private readonly limits: AcceptLimits,
    private readonly metrics: IngestMetrics,
  ) {}

  /** Resolves when the message's transaction has committed. Rejects with a Problem (503) when it was not, or may not have been, stored. */
  add(message: NewMessage): Promise<AcceptOutcome> {
    if (this.closed) return Promise.reject(new Problem('shutting-down', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS }));
    if (this.waiting.length >= this.limits.messages || this.waitingBytes + message.payload.length > this.limits.bytes) {
      const detail = `${this.waiting.length} messages (${this.waitingBytes} bytes) wait to be stored; the limits are ${this.limits.messages} and ${this.limits.bytes}`;
      return Promise.reject(new Problem('queue-full', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      this.waitingBytes += message.payload.length;
      this.metrics.acceptQueueMessages.set(this.waiting.length);
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.pump();
      });
    });
  }

  /** Refuses new messages and waits until those that are queued are answered. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.waiting.length === 0 && this.storing === 0) return;
    await new Promise<void>((resolve) => (this.drained = resolve));
  }

  private pump(): void {
    while (this.mayStore()) {
      this.storing++;
      void this.run(this.nextBatch());
    }
    if (this.storing === 0 && this.waiting.length === 0) this.drained?.();
  }

  private mayStore(): boolean {
    if (this.waiting.length === 0 || this.storing === CONNECTIONS) return false;
    return this.storing === 0 || this.storingMessages <= SMALL_BATCH || this.waiting.length >= LARGE_BATCH;
  }

  private nextBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { message } of this.waiting) {
      if (count === this.limits.batch || (count > 0 && bytes + message.payload.length > BATCH_BYTES)) break;
      count++;
      bytes += message.payload.length;
    }
    this.waitingBytes -= bytes;
    const batch = this.waiting.splice(0, count);
    this.metrics.acceptQueueMessages.set(this.waiting.length);
    return batch;
  }

  private async run(batch: Waiting[]): Promise<void> {
    this.storingMessages += batch.length;
    try {
      await this.storeBatch(batch);
    } finally {
      this.storingMessages -= batch.length;
      this.storing--;
      this.pump();
    }
  }

  private async storeBatch(batch: Waiting[]): Promise<void> {
    const end = this.metrics.commitSeconds.startTimer();
    try {
      const outcomes = await this.store(batch.map(({ message }) => message));
      end();
      this.metrics.acceptBatchMessages.observe(batch.length);
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index]!);
    } catch (error) {
      const away = databaseProblem(error);
      if (away) {
        for (const { reject } of batch) reject(away);
      } else if (batch.length === 1) {
        batch[0]!.reject(error);
      } else {
        // One message that the database refuses must not take the others with it.
        for (const one of batch) await this.storeBatch([one]);
      }
    }
  }
}
