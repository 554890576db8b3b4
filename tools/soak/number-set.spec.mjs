import { NumberSet } from './number-set.mjs';

it('holds each number once, however large', () => {
  const set = new NumberSet();
  expect([0, 7, 8, 1_000_000, 7].map((number) => set.add(number))).toEqual([true, true, true, true, false]);
  expect([0, 1, 8, 1_000_000, 999_999, 50_000_000].map((number) => set.has(number))).toEqual([true, false, true, true, false, false]);
  expect(set.size).toBe(4);
});

it('can be looked into by another process', () => {
  const set = new NumberSet();
  set.add(42);
  expect(new NumberSet(set.bits).has(42)).toBe(true);
});
