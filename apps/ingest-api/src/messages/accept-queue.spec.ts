import { Problem } from '@app/domain';
import { createIngestMetrics, createRegistry } from '@app/runtime';
import { type AcceptOutcome, DatabaseError, type NewMessage } from '@app/storage';
import { AcceptQueue } from './accept-queue.js';

const message = (id: string, size = 1): NewMessage => ({
  id,
  channelId: 1,
  producerId: null,
  priority: 0,
  type: null,
  orderingKey: null,
  contentType: null,
  headers: null,
  traceParent: null,
  payload: Buffer.alloc(size),
});
const stored = (batch: readonly NewMessage[]): AcceptOutcome[] =>
  batch.map(({ id }) => ({ kind: 'accepted', id, status: 'out-for-delivery', deliveries: 1, consumerIds: [1], consumers: 1 }));

/** A store whose commits end when the test says so. */
class Commits {
  readonly batches: string[][] = [];
  private readonly waiting: (() => void)[] = [];

  readonly store = async (batch: readonly NewMessage[]): Promise<AcceptOutcome[]> => {
    this.batches.push(batch.map(({ id }) => id));
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return stored(batch);
  };

  next(): void {
    this.waiting.shift()!();
  }
}

const metrics = createIngestMetrics(createRegistry());
const limits = { batch: 3, messages: 5, bytes: 10_000_000 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

it('stores what queued while the commits before were under way, two at a time, never more than a batch', async () => {
  const commits = new Commits();
  const queue = new AcceptQueue(commits.store, limits, metrics);
  const answers = [queue.add(message('a'))];
  await turn();
  answers.push(queue.add(message('b')));
  await turn();
  for (const id of ['c', 'd', 'e', 'f']) answers.push(queue.add(message(id)));
  await turn();
  expect(commits.batches).toEqual([['a'], ['b']]);
  commits.next();
  await turn();
  expect(commits.batches).toEqual([['a'], ['b'], ['c', 'd', 'e']]);
  for (let n = 0; n < 3; n++) {
    commits.next();
    await turn();
  }
  expect((await Promise.all(answers)).map((outcome) => outcome.kind)).toEqual(Array(6).fill('accepted'));
});

it('answers before the commit to nobody', async () => {
  const commits = new Commits();
  const queue = new AcceptQueue(commits.store, limits, metrics);
  let answered = false;
  const adding = queue.add(message('a')).then(() => (answered = true));
  await turn();
  expect(answered).toBe(false);
  commits.next();
  await adding;
});

it('refuses more messages or bytes than its limits with 503 and Retry-After', async () => {
  const queue = new AcceptQueue(new Commits().store, { ...limits, bytes: 100 }, metrics);
  void queue.add(message('a', 60));
  await expect(queue.add(message('b', 60))).rejects.toMatchObject({ code: 'queue-full', retryAfterSeconds: 1 });
});

it('keeps a message that the database refuses from failing the others of its batch', async () => {
  const store = async (batch: readonly NewMessage[]): Promise<AcceptOutcome[]> => {
    if (batch.some(({ id }) => id === 'bad')) throw new DatabaseError(Object.assign(new Error('data too long'), { errno: 1406 }));
    return stored(batch);
  };
  const queue = new AcceptQueue(store, limits, metrics);
  const [good, bad, also] = await Promise.allSettled(['good', 'bad', 'also'].map((id) => queue.add(message(id))));
  expect([good!.status, bad!.status, also!.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('answers 503 when the database is away', async () => {
  const away = async (): Promise<AcceptOutcome[]> => {
    throw new DatabaseError(Object.assign(new Error('gone'), { code: 'ECONNREFUSED', fatal: true }));
  };
  const queue = new AcceptQueue(away, limits, metrics);
  await expect(queue.add(message('a'))).rejects.toMatchObject({ code: 'database-unavailable', status: 503, retryAfterSeconds: 1 });
});

it('closes when everything that was queued is answered, and refuses what comes later', async () => {
  const commits = new Commits();
  const queue = new AcceptQueue(commits.store, limits, metrics);
  const adding = queue.add(message('a'));
  await turn();
  const closing = queue.close();
  await expect(queue.add(message('b'))).rejects.toBeInstanceOf(Problem);
  commits.next();
  await closing;
  expect((await adding).kind).toBe('accepted');
});
