import { compare, planOf } from './neighbours.mjs';

const rounds = (...times) => times.map((ms) => ({ arrivalP50Ms: ms, arrivalP99Ms: 10 * ms }));

it('alternates, and begins every other round the other way round', () => {
  expect(planOf({ runs: 3 })).toEqual(['without', 'with', 'with', 'without', 'without', 'with']);
});

it('compares the medians of the rounds, so that one bad round speaks for nothing', () => {
  const { ratioP50, ratioP99 } = compare({ without: rounds(2, 900, 4), with: rounds(6, 3, 8) });
  expect([ratioP50, ratioP99]).toEqual([1.5, 1.5]);
});
