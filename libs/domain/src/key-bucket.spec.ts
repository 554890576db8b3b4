import { type Bucket, rateShare, takeTokens } from './key-bucket.js';

const rate = { perSecond: 10, burst: 5 };

/** How many of the asked-for takings succeed, one every `everyMs`, and the bucket at the end. */
function ask(times: number, everyMs: number, cost = 1, one = rate): { taken: number; bucket: Bucket | undefined } {
  let bucket: Bucket | undefined;
  let taken = 0;
  for (let n = 0; n < times; n++) {
    const taking = takeTokens(bucket, one, cost, n * everyMs);
    bucket = taking.bucket;
    if (taking.taken) taken++;
  }
  return { taken, bucket };
}

it('lets a burst through at once, and no more', () => {
  expect(ask(20, 0).taken).toBe(5);
});

it('lets the rate through in the long run, however often it is asked', () => {
  expect(ask(10_000, 1).taken).toBe(5 + 99);
  expect(ask(1_000, 100).taken).toBe(1_000);
});

it('says how long to wait, and is right to the millisecond', () => {
  const { bucket } = ask(5, 0);
  const { taken, waitMs, bucket: left } = takeTokens(bucket, rate, 2, 0);
  expect([taken, waitMs]).toEqual([false, 200]);
  expect(takeTokens(left, rate, 2, 199).taken).toBe(false);
  expect(takeTokens(left, rate, 2, 200).taken).toBe(true);
});

it('takes nothing when it refuses', () => {
  const first = takeTokens(undefined, rate, 4, 0);
  const refused = takeTokens(first.bucket, rate, 2, 0);
  expect(refused.bucket.tokens).toBe(1);
  expect(takeTokens(refused.bucket, rate, 1, 0).taken).toBe(true);
});

it('lets what is larger than its burst through when it is full, on credit', () => {
  const large = takeTokens(undefined, rate, 25, 0);
  expect([large.taken, large.bucket.tokens]).toEqual([true, -20]);
  expect(takeTokens(large.bucket, rate, 1, 2_099).taken).toBe(false);
  expect(takeTokens(large.bucket, rate, 1, 2_100).taken).toBe(true);
});

it('never holds more than its burst, and does not go backwards with the clock', () => {
  const { bucket } = takeTokens(undefined, rate, 5, 1_000);
  expect(takeTokens(bucket, rate, 0, 1_000_000).bucket.tokens).toBe(5);
  expect(takeTokens(bucket, rate, 0, 0).bucket.tokens).toBe(0);
});

it('shares add up to the whole, a rate below one a second too', () => {
  const slow = { perSecond: 1, burst: 1 };
  const share = rateShare(slow, 4);
  expect(ask(40_000, 10, 1, share).taken * 4).toBe(400);
  expect(rateShare(rate, 2)).toEqual({ perSecond: 5, burst: 2.5 });
});
