import { createIngestMetrics, createRegistry } from '@app/runtime';
import { DatabaseError, type NewMessage, type WholeOutcome } from '@app/storage';
import { WholeBatches } from './whole-batches.js';

const batch = (count: number, size = 1): NewMessage[] =>
  Array.from({ length: count }, (_, n) => ({
    id: String(n),
    channelId: 1,
    producerId: null,
    priority: 0,
    type: null,
    orderingKey: null,
    contentType: null,
    headers: null,
    traceParent: null,
    payload: Buffer.alloc(size),
  }));
const metrics = createIngestMetrics(createRegistry());
const limits = { messages: 10, bytes: 100 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A store whose transactions end when the test says so. */
class Transactions {
  readonly begun: number[] = [];
  private readonly waiting: (() => void)[] = [];

  readonly store = async (messages: readonly NewMessage[]): Promise<WholeOutcome> => {
    this.begun.push(messages.length);
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return { kind: 'accepted', outcomes: [] };
  };

  next(): void {
    this.waiting.shift()!();
  }
}

it('stores one batch after the other', async () => {
  const transactions = new Transactions();
  const batches = new WholeBatches(transactions.store, limits, metrics);
  const answers = [batches.add(batch(2)), batches.add(batch(3))];
  await turn();
  expect(transactions.begun).toEqual([2]);
  transactions.next();
  await turn();
  expect(transactions.begun).toEqual([2, 3]);
  transactions.next();
  expect((await Promise.all(answers)).map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
});

it('refuses more messages or bytes than its limits, but never one that is alone', async () => {
  const transactions = new Transactions();
  const batches = new WholeBatches(transactions.store, limits, metrics);
  const first = batches.add(batch(11));
  await expect(batches.add(batch(1))).rejects.toMatchObject({ code: 'queue-full', retryAfterSeconds: 1 });
  await turn();
  transactions.next();
  await first;
  const second = batches.add(batch(1, 60));
  await expect(batches.add(batch(1, 60))).rejects.toMatchObject({ code: 'queue-full' });
  await turn();
  transactions.next();
  await second;
});

it('goes on after a batch that failed, which was answered 503 when the database is away', async () => {
  let away = true;
  const batches = new WholeBatches(
    async () => {
      if (!away) return { kind: 'unknown-channel' };
      away = false;
      throw new DatabaseError(Object.assign(new Error('gone'), { code: 'ECONNREFUSED', fatal: true }));
    },
    limits,
    metrics,
  );
  const [first, second] = await Promise.allSettled([batches.add(batch(1)), batches.add(batch(1))]);
  expect(first).toMatchObject({ status: 'rejected', reason: { code: 'database-unavailable', status: 503 } });
  expect(second).toMatchObject({ status: 'fulfilled', value: { kind: 'unknown-channel' } });
});

it('closes when everything that was added is answered, and refuses what comes later', async () => {
  const transactions = new Transactions();
  const batches = new WholeBatches(transactions.store, limits, metrics);
  const adding = batches.add(batch(1));
  await turn();
  const closing = batches.close();
  await expect(batches.add(batch(1))).rejects.toMatchObject({ code: 'shutting-down' });
  transactions.next();
  await closing;
  expect((await adding).kind).toBe('accepted');
});
