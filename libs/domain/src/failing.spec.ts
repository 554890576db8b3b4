import { FailingStreak, succeeded } from './failing.js';

const DAY = 86_400;

it('is written at the first failure, and then at most every 10 s, with how many there were', () => {
  const streak = new FailingStreak();
  expect(streak.failure(undefined, DAY, 0)).toEqual({ kind: 'failing', sinceMs: 0, failures: 1, disable: false });
  for (let n = 1; n <= 5; n++) expect(streak.failure({ forSeconds: 1, failures: 1 }, DAY, n * 1_000)).toBeUndefined();
  expect(streak.failure({ forSeconds: 10, failures: 1 }, DAY, 10_000)).toEqual({
    kind: 'failing',
    sinceMs: 10_000,
    failures: 6,
    disable: false,
  });
});

it('is not written while there are successes, and then since the first failure after the last of them', () => {
  const streak = new FailingStreak();
  for (let n = 0; n < 100; n++) {
    expect(streak.success(false, n * 1_000)).toBeUndefined();
    expect(streak.failure(undefined, DAY, n * 1_000 + 500)).toBeUndefined();
  }
  expect(streak.failure(undefined, DAY, 108_999)).toBeUndefined();
  expect(streak.failure(undefined, DAY, 109_000)).toEqual({ kind: 'failing', sinceMs: 9_500, failures: 3, disable: false });
});

it('recovers once, whether it or another process wrote the failures', () => {
  const own = new FailingStreak();
  own.failure(undefined, DAY, 0);
  expect([own.success(false, 1), own.success(false, 2)]).toEqual([{ kind: 'recovered' }, undefined]);
  const other = new FailingStreak();
  expect([other.success(true, 1), other.success(true, 2), other.success(true, 2_000)]).toEqual([
    { kind: 'recovered' },
    undefined,
    { kind: 'recovered' },
  ]);
});

it('disables after long enough and often enough, not before, and never with 0', () => {
  const long = { forSeconds: DAY, failures: 9 };
  expect(new FailingStreak().failure(long, DAY, 0)).toMatchObject({ disable: true });
  expect(new FailingStreak().failure({ ...long, forSeconds: DAY - 1 }, DAY, 0)).toMatchObject({ disable: false });
  expect(new FailingStreak().failure({ ...long, failures: 8 }, DAY, 0)).toMatchObject({ disable: false });
  expect(new FailingStreak().failure(undefined, DAY, 0)).toMatchObject({ disable: false });
  expect(new FailingStreak().failure(long, 0, 0)).toMatchObject({ disable: false });
});

it('does not wait to disable', () => {
  const streak = new FailingStreak();
  streak.failure({ forSeconds: DAY - 1, failures: 9 }, DAY, 0);
  expect(streak.failure({ forSeconds: DAY, failures: 9 }, DAY, 1)).toMatchObject({ disable: true });
});

it('only a 2xx is a success; what failed on our side is neither', () => {
  expect([200, 204, 299].map((httpCode) => succeeded({ kind: 'answered', httpCode }))).toEqual([true, true, true]);
  expect([302, 400, 404, 429, 500, 503].map((httpCode) => succeeded({ kind: 'answered', httpCode }))).toEqual(
    Array.from({ length: 6 }, () => false),
  );
  expect(succeeded({ kind: 'failed', errorClass: 'timeout' })).toBe(false);
  expect(succeeded({ kind: 'failed', errorClass: 'network-unreachable' })).toBeUndefined();
  expect(succeeded({ kind: 'failed', errorClass: 'internal' })).toBeUndefined();
});
