import { backOffMs } from './back-off.js';

const backOff = { firstMs: 50, capMs: 1_000 };

it('doubles from the first wait up to the cap', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) => backOffMs(backOff, failures, 1))).toEqual([
    50, 100, 200, 400, 800, 1_000, 1_000, 1_000,
  ]);
});

it('leaves half of each wait to chance', () => {
  expect([0, 0.5, 1].map((chance) => backOffMs(backOff, 6, chance))).toEqual([500, 750, 1_000]);
});
