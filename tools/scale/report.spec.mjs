import { failures, growth } from './report.mjs';

const one = (p99Ms, smallP99Ms, missing = 0) => ({
  name: 'a case',
  figures: { claim: { p50Ms: 1, p99Ms } },
  small: { claim: { p50Ms: 1, p99Ms: smallP99Ms } },
  missing,
});
const settings = { most: 1.5 };

it('compares with the small case that was measured beside it', () => {
  expect(growth(one(6, 4))).toBe(1.5);
  expect(failures({ cases: [one(6, 4)], settings })).toEqual([]);
  expect(failures({ cases: [one(6.1, 4)], settings })).toHaveLength(1);
});

it('counts a case without a single claim, and one that lost something, as failed', () => {
  expect(failures({ cases: [one(undefined, 4)], settings })).toHaveLength(1);
  expect(failures({ cases: [one(4, 4, 3)], settings })).toEqual(['a case: 3 deliveries of acknowledged messages did not arrive.']);
});
