import { compare, planOf } from './bare.mjs';

const rounds = (...rates) => rates.map((rate) => ({ acceptedPerSecond: rate, deliveredPerSecond: rate / 2 }));

it('measures each case in turns, and begins every other round the other way round', () => {
  const plan = planOf(['a', 'b'], { runs: 2 }).map(({ one, side }) => `${one} ${side}`);
  expect(plan).toEqual(['a bare', 'a posthorn', 'a posthorn', 'a bare', 'b bare', 'b posthorn', 'b posthorn', 'b bare']);
});

it('compares the medians of the rounds, so that one bad round speaks for nothing', () => {
  const { ratios } = compare({ kind: 'throughput', shape: 's', bare: rounds(1, 100, 110), posthorn: rounds(80, 900, 70) });
  expect(ratios).toEqual({ acceptedPerSecond: 0.8, deliveredPerSecond: 0.8 });
});
