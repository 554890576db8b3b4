import { type Failing, FailingStreak, succeeded } from './failing.js';

const DAY = 86_400;

it('is written at the first failure, and then at most every 10 s, with how many there were', () => {
  const streak = new FailingStreak();
  expect(streak.failure(undefined, DAY, 0)).toEqual({ kind: 'failing', sinceMs: 0, failures: 1 });
  for (let n = 1; n <= 5; n++) expect(streak.failure({ forSeconds: 1, failures: 1 }, DAY, n * 1_000)).toBeUndefined();
  expect(streak.failure({ forSeconds: 10, failures: 1 }, DAY, 10_000)).toEqual({
    kind: 'failing',
    sinceMs: 10_000,
    failures: 6,
  });
});

it('is not written while there are successes, and then since the first failure after the last of them', () => {
  const streak = new FailingStreak();
  for (let n = 0; n < 100; n++) {
    expect(streak.success(false, n * 1_000)).toBeUndefined();
    expect(streak.failure(undefined, DAY, n * 1_000 + 500)).toBeUndefined();
  }
  expect(streak.failure(undefined, DAY, 108_999)).toBeUndefined();
  expect(streak.failure(undefined, DAY, 109_000)).toEqual({ kind: 'failing', sinceMs: 9_500, failures: 3 });
});

it('is not written since a time after which another process may have seen a success, or somebody resumed the consumer', () => {
  const streak = new FailingStreak();
  streak.failure(undefined, DAY, 0);
  streak.failure({ forSeconds: 0, failures: 1 }, DAY, 1);
  expect(streak.failure(undefined, DAY, 6_000 * DAY)).toEqual({ kind: 'failing', sinceMs: 0, failures: 1 });
  // Claimed before it was resumed.
  expect(streak.failure({ forSeconds: 60, failures: 1 }, DAY, 12_000 * DAY)).toMatchObject({ sinceMs: 10_000 });
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

it('warns and disables after long enough and often enough, not before, and never with 0', () => {
  const long = { forSeconds: DAY, failures: 9 };
  const due = (stored: Failing | undefined, disableAfterSeconds = DAY) => {
    const step = new FailingStreak().failure(stored, disableAfterSeconds, 0);
    return step?.kind === 'failing' && (step.due ?? 'nothing');
  };
  expect(due(long)).toBe('disabling');
  expect(due({ ...long, forSeconds: DAY - 1 })).toBe('warning');
  expect(due({ ...long, forSeconds: DAY / 2 })).toBe('warning');
  expect(due({ ...long, forSeconds: DAY / 2 - 1 })).toBe('nothing');
  expect(due({ ...long, failures: 8 })).toBe('nothing');
  expect(due(undefined)).toBe('nothing');
  expect(due(long, 0)).toBe('nothing');
});

it('does not wait to disable, nor to warn for the first time', () => {
  const streak = new FailingStreak();
  const at = (forSeconds: number, nowMs: number) => streak.failure({ forSeconds, failures: 9 }, DAY, nowMs);
  at(DAY / 2 - 1, 0);
  expect(at(DAY / 2, 1)).toMatchObject({ due: 'warning' });
  expect(at(DAY / 2, 2)).toBeUndefined();
  // Who writes may die before it has.
  expect(at(DAY / 2 + 10, 10_001)).toMatchObject({ due: 'warning' });
  expect(at(DAY, 10_002)).toMatchObject({ due: 'disabling' });
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
