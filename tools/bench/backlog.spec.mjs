import { idOf } from './backlog.mjs';

const firstIdAt = (ms) => String(BigInt(ms) << 22n);

it('gives no two consumers the same id, whenever their backlogs begin', () => {
  const ids = [1, 2, 3].flatMap((consumerId) => Array.from({ length: 500 }, (_, ms) => idOf(firstIdAt(60_000_000_000 + ms), consumerId)));
  expect(new Set(ids).size).toBe(ids.length);
  expect(idOf(firstIdAt(60_000_000_000), 7)).toBe('251658240000000007');
});
