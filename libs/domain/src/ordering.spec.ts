import { orderingHash } from './ordering.js';

it('gives a key the same number in every process', () => {
  expect(orderingHash('order-1')).toBe(orderingHash('order-1'));
  // printf order-1 | sha256sum | cut -c1-16
  expect(BigInt(orderingHash('order-1')).toString(16).padStart(16, '0')).toBe('0bafe22156d2698c');
});

it('tells keys apart, also those that differ in case alone', () => {
  const keys = ['a', 'A', 'a ', 'order-1', 'order-2', ...Array.from({ length: 10_000 }, (_, n) => `customer/${n}`)];
  expect(new Set(keys.map(orderingHash)).size).toBe(keys.length);
});

it('stays within 64 bits', () => {
  for (let n = 0; n < 1_000; n++) expect(BigInt(orderingHash(`k${n}`)) < 2n ** 64n).toBe(true);
});
