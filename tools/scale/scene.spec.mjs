import { sceneOf } from './scene.mjs';

const count = (channels) => channels.reduce((sum, { consumers }) => sum + consumers.length, 0);

it('has two consumers on each channel that is published to, and the others a hundred to a channel', () => {
  const { channels, published } = sceneOf({ consumers: 10_000, active: 1000 }, 'http://sink');
  expect(published).toBe(500);
  expect(count(channels.slice(0, published))).toBe(1000);
  expect(count(channels)).toBe(10_000);
  expect(Math.max(...channels.map(({ consumers }) => consumers.length))).toBe(100);
});

it('is one channel when there are but two consumers', () => {
  const { channels, published } = sceneOf({ consumers: 2, active: 2 }, 'http://sink');
  expect([published, channels.length, count(channels)]).toEqual([1, 1, 2]);
});
