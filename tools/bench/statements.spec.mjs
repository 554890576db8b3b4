import { betweenSamples } from './statements.mjs';

const digest = (name, count, seconds) => ({
  digest: name,
  text: `SELECT ${name}`,
  count: String(count),
  seconds: String(seconds),
  examined: '0',
});
const sample = (statements, seconds, digests) => ({ source: 'statements of this database', statements, seconds, digests });

it('tells what happened between two samples, and which statements took the time', () => {
  const before = sample(15, 1.5, [digest('a', 10, 1), digest('b', 5, 0.5)]);
  const after = sample(40, 5, [digest('a', 12, 1.25), digest('b', 5, 0.5), digest('c', 23, 3.25)]);
  const { statements, seconds, top } = betweenSamples(before, after);
  expect([statements, seconds]).toEqual([25, 3.5]);
  expect(top.map(({ statement, count, seconds: spent }) => [statement, count, spent])).toEqual([
    ['SELECT c', 23, 3.25],
    ['SELECT a', 2, 0.25],
  ]);
});

it('has no time where the server tells none', () => {
  const source = 'questions of the whole server';
  expect(betweenSamples({ source, statements: 10 }, { source, statements: 30 })).toEqual({
    source,
    statements: 20,
    seconds: undefined,
    top: [],
  });
});

it('compares nothing that has two meanings', () => {
  const { statements, seconds } = betweenSamples(sample(1, 1, []), { source: 'statements of the whole server', statements: 9, seconds: 9 });
  expect([statements, seconds]).toEqual([undefined, undefined]);
});
