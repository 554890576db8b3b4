import { Problem } from '@app/domain';
import type { IngestMetrics } from '@app/runtime';
import type { NewMessage, WholeOutcome } from '@app/storage';
import { databaseProblem } from '../http/database-problem.js';
import type { AcceptLimits } from './accept-queue.js';

const RETRY_AFTER_SECONDS = 1;

/**
 * Batches that are stored as a whole, one after another: each is one transaction, beside those of single messages. What waits is bounded in messages and bytes;
 * beyond that `add` refuses with `queue-full` and nothing is stored.
 */
export class WholeBatches {
  private waiting = { messages: 0, bytes: 0 };
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly store: (messages: readonly NewMessage[]) => Promise<WholeOutcome>,
    private readonly limits: Pick<AcceptLimits, 'messages' | 'bytes'>,
    private readonly metrics: IngestMetrics,
  ) {}

  /** Resolves when the batch's transaction has ended. Rejects with a Problem (503) when it was not, or may not have been, stored. */
  async add(messages: readonly NewMessage[]): Promise<WholeOutcome> {
    if (this.closed) throw new Problem('shutting-down', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
    const { waiting, limits } = this;
    const full = waiting.messages + messages.length > limits.messages || waiting.bytes + bytes > limits.bytes;
    // One that is larger than the limits by itself must have its turn.
    if (full && waiting.messages > 0) {
      const detail = `${waiting.messages} messages of batches (${waiting.bytes} bytes) wait to be stored; the limits are ${limits.messages} and ${limits.bytes}`;
      throw new Problem('queue-full', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    waiting.messages += messages.length;
    waiting.bytes += bytes;
    const storing = this.last.then(() => this.storeNow(messages));
    this.last = storing.catch(() => undefined);
    try {
      return await storing;
    } catch (error) {
      throw databaseProblem(error) ?? error;
    } finally {
      waiting.messages -= messages.length;
      waiting.bytes -= bytes;
    }
  }

  /** Refuses new batches and waits until those that were added are answered. */
  async close(): Promise<void> {
    this.closed = true;
    await this.last;
  }

  private async storeNow(messages: readonly NewMessage[]): Promise<WholeOutcome> {
    const end = this.metrics.commitSeconds.startTimer();
    const outcome = await this.store(messages);
    end();
    this.metrics.acceptBatchMessages.observe(messages.length);
    return outcome;
  }
}
