import { fit, judge } from './trend.mjs';

const run = 600;
const series = (value) => Array.from({ length: 121 }, (_, n) => [n * 5, value(n * 5)]);
const limit = { share: 0.1, least: 5 };

it('fits a straight line', () => {
  const { slope, height } = fit(series((at) => 3 + 2 * at));
  expect(slope).toBeCloseTo(2);
  expect(height).toBeCloseTo(3 + 2 * 300);
  expect(fit([[1, 1]])).toBeUndefined();
});

it('calls flat what only rose at the beginning, what swings, and what falls', () => {
  expect(
    judge(
      series((at) => Math.min(100, at)),
      limit,
      run,
    ).verdict,
  ).toBe('flat');
  expect(
    judge(
      series((at) => 100 + 20 * Math.sin(at / 3)),
      limit,
      run,
    ).verdict,
  ).toBe('flat');
  expect(
    judge(
      series((at) => 1000 - at),
      limit,
      run,
    ).verdict,
  ).toBe('flat');
});

it('finds a leak', () => {
  const { verdict, growth, allowed } = judge(
    series((at) => 100 + at / 10),
    limit,
    run,
  );
  expect(verdict).toBe('grows');
  expect(growth).toBeCloseTo(30);
  expect(allowed).toBeCloseTo(14.5);
});

it('forgives small numbers', () => {
  expect(
    judge(
      series((at) => 1 + at / 100),
      limit,
      run,
    ).verdict,
  ).toBe('flat');
});

it('does not judge what it saw too little of', () => {
  expect(
    judge(
      series(() => undefined),
      limit,
      run,
    ).verdict,
  ).toBe('too short');
  expect(judge(series((at) => at).slice(-5), limit, run).verdict).toBe('too short');
});
