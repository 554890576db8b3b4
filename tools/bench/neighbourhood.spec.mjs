import { layoutOf, rateInAll, turnsOf } from './neighbourhood.mjs';

const sickOnes = (mode, slow = 1) => layoutOf({ healthy: 25, slow }, mode).layout('http://sink').at(-1).consumers;

it('spreads the healthy consumers over channels of ten', () => {
  const { layout, copies } = layoutOf({ healthy: 25, slow: 1 }, 'without');
  const channels = layout('http://sink');
  expect(copies).toEqual([10, 10, 5, 0]);
  expect(channels.map(({ consumers }) => consumers.length)).toEqual([10, 10, 5, 2]);
  const urls = channels.flatMap(({ consumers }) => consumers.map(({ url }) => url));
  expect(new Set(urls).size).toBe(27);
  expect(urls.filter((url) => url.startsWith('http://sink/healthy/'))).toHaveLength(25);
});

it('has the same channels and consumers with and without, and only the sick behave differently', () => {
  expect(sickOnes('without').map(({ url }) => url)).toEqual(['http://sink/sick/slow-1', 'http://sink/sick/refusing']);
  expect(sickOnes('with').map(({ url }) => url)).toEqual(['http://sink/sick/slow-1?after=10000', 'http://127.0.0.1:1/']);
  expect(sickOnes('with', 3).map(({ name }) => name)).toEqual(['slow-1', 'slow-2', 'slow-3', 'refusing']);
});

it('gives every fifth message to the sick, and the others to every channel alike', () => {
  for (const channels of [1, 3, 20]) {
    const turns = turnsOf(channels);
    const counts = Array.from({ length: channels + 1 }, (_, channel) => turns.filter((turn) => turn === channel).length);
    expect(counts).toEqual([...Array.from({ length: channels }, () => 4), channels]);
    expect(turns[4]).toBe(channels);
  }
  expect(rateInAll(20)).toBe(25);
});
