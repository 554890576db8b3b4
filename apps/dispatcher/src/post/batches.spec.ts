import { setTimeout as sleep } from 'node:timers/promises';
import type { Work } from '../lanes/claim-loop.js';
import { BATCH_BYTES, Batches } from './batches.js';

let seq = 0;
const work = (maxWaitMs: number, { rank = 9, bytes = 1, maxInFlight = 2, leaseMs = 60_000 } = {}): Work => {
  const claim = { consumerId: 1, rank, seq: String(++seq), messageId: String(seq), attempt: 1, attemptsBefore: 0, token: '1' };
  const message = {
    id: claim.seq,
    priority: 9 - rank,
    type: null,
    contentType: null,
    headers: null,
    traceParent: null,
    payload: Buffer.alloc(bytes),
  };
  const target = { consumerId: 1, timeoutMs: 1_000, maxInFlight, batch: { maxMessages: 3, maxWaitMs } };
  return { claim, message, target, leaseEndsAt: performance.now() + leaseMs } as unknown as Work;
};

function gathering(busy = false) {
  const posted: Work[][] = [];
  const batches = new Batches(
    ({ maxInFlight }) => maxInFlight,
    () => busy,
    (works) => void posted.push(works),
  );
  const add = (...works: Work[]): void => {
    for (const one of works) batches.add(one);
    batches.pump();
  };
  return { batches, posted, add, sizes: () => posted.map((works) => works.length) };
}

const LONG = 10_000;

it('posts what is full at once and lets the rest wait, until it is drained', () => {
  const { batches, add, sizes } = gathering();
  add(work(LONG), work(LONG), work(LONG), work(LONG));
  expect(sizes()).toEqual([3]);
  expect(batches.drain()).toHaveLength(1);
  expect(batches.drain()).toHaveLength(0);
});

it('posts what has waited long enough', async () => {
  const { add, sizes } = gathering();
  add(work(20), work(20));
  expect(sizes()).toEqual([]);
  while (sizes().length === 0) await sleep(5);
  expect(sizes()).toEqual([2]);
});

it('lets nobody wait while the process is busy, nor longer than the lease allows', () => {
  const busy = gathering(true);
  busy.add(work(LONG));
  expect(busy.sizes()).toEqual([1]);
  const short = gathering();
  short.add(work(LONG, { leaseMs: 2_000 }));
  expect(short.sizes()).toEqual([1]);
});

it('has no more batches under way than the consumer takes', () => {
  const { batches, add, sizes } = gathering();
  add(...Array.from({ length: 9 }, () => work(0)));
  expect(sizes()).toEqual([3, 3]);
  batches.ended(1);
  expect(sizes()).toEqual([3, 3, 3]);
});

it('takes the highest priority first, and no more bytes than it may', () => {
  const { posted, batches, add } = gathering();
  add(work(LONG, { rank: 9 }), work(LONG, { rank: 9 }), work(LONG, { rank: 0 }), work(LONG, { rank: 5 }));
  expect(posted[0]!.map(({ claim }) => claim.rank)).toEqual([0, 5, 9]);
  batches.drain();
  const large = gathering();
  large.add(work(LONG, { bytes: BATCH_BYTES - 1 }), work(LONG, { bytes: 2 }));
  expect(large.sizes()).toEqual([1]);
  large.batches.drain();
});
