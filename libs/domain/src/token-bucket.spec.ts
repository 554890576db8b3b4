import { TokenBucket } from './token-bucket.js';

it('lets a burst begin at once, then one for each token that comes', () => {
  const bucket = new TokenBucket(2, 3, 0);
  expect(bucket.available(0)).toBe(0);
  expect(bucket.available(60_000)).toBe(3);
  bucket.take(3, 60_000);
  expect(bucket.available(60_001)).toBe(0);
  expect(bucket.waitMs(1, 60_001)).toBeCloseTo(449, 0);
  expect(bucket.available(60_500)).toBe(1);
});

it('never lets more begin than the rate and the burst allow, whenever it is asked', () => {
  const bucket = new TokenBucket(20, 5, 0);
  let taken = 0;
  for (let now = 0; now <= 60_000; now += 7) {
    const some = bucket.available(now);
    bucket.take(some, now);
    taken += some;
    expect(taken).toBeLessThanOrEqual(5 + 20 * (now / 1000 + 0.05));
  }
  expect(taken).toBeGreaterThan(20 * 60 * 0.99);
});

it('loses nothing to turns that come some milliseconds late', () => {
  const bucket = new TokenBucket(100, 1, 0);
  let taken = 0;
  for (let now = 0; now < 10_000; now += bucket.waitMs(1, now) + 8) {
    const some = bucket.available(now);
    bucket.take(some, now);
    taken += some;
  }
  expect(taken).toBeGreaterThan(980);
});

it('takes back what was not used, and no more than it keeps', () => {
  const bucket = new TokenBucket(1, 2, 0);
  bucket.take(2, 10_000);
  bucket.back(1, 10_000);
  expect(bucket.available(10_000)).toBe(1);
  bucket.back(50, 10_000);
  expect(bucket.available(10_000)).toBe(2);
});

it('pays off a debt first', () => {
  const bucket = new TokenBucket(1, 1, 0);
  bucket.take(3, 5_000);
  expect(bucket.available(6_000)).toBe(0);
  expect(bucket.waitMs(1, 6_000)).toBeCloseTo(1_950);
  expect(bucket.available(8_000)).toBe(1);
});

it('keeps what came at the former rate, as far as there is room', () => {
  const bucket = new TokenBucket(10, 10, 0);
  bucket.set(1, 4, 500);
  expect(bucket.available(500)).toBe(4);
  bucket.set(0.5, 1, 500);
  expect(bucket.available(500)).toBe(1);
  expect(bucket.waitMs(5, 500)).toBe(0);
});
