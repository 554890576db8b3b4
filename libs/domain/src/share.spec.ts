import { partOf, share, shareOf } from './share.js';

const nodes = (count: number): number[] => Array.from({ length: count }, (_, n) => n * 3);
const shares = (consumerId: number, all: readonly number[], limit: number, most?: number): number[] =>
  all.map((me) => share(consumerId, all, me, limit, most));
const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);

describe('a share of a limit', () => {
  it('adds up to the limit, whatever the limit and the number of nodes', () => {
    for (const count of [1, 2, 3, 4, 7, 50])
      for (const limit of [1, 2, 3, 5, 64, 100, 1000])
        for (let consumerId = 1; consumerId <= 20; consumerId++) {
          const list = shares(consumerId, nodes(count), limit);
          expect([count, limit, sum(list)]).toEqual([count, limit, limit]);
          expect(list.filter((one) => one > 0)).toHaveLength(Math.min(count, limit));
          expect(Math.max(...list) - Math.min(...list.filter((one) => one > 0))).toBeLessThanOrEqual(1);
        }
  });

  it('is the whole limit for a node that is alone, and nothing for one that is not among the nodes', () => {
    expect(share(7, [4], 4, 64)).toBe(64);
    expect(share(7, [4], 5, 64)).toBe(0);
    expect(share(7, [], 5, 64)).toBe(0);
  });

  it('does not depend on the order in which the nodes are listed', () => {
    const all = nodes(7);
    for (let consumerId = 1; consumerId <= 50; consumerId++)
      for (const me of all) expect(share(consumerId, all.toReversed(), me, 3)).toBe(share(consumerId, all, me, 3));
  });

  it('is given to no more nodes than may take part', () => {
    const list = shares(9, nodes(5), 64, 2);
    expect(list.toSorted((a, b) => b - a)).toEqual([32, 32, 0, 0, 0]);
    expect(shares(9, nodes(5), 64, 0.5).filter((one) => one > 0)).toEqual([64]);
  });

  it('spreads consumers that go to one node each evenly over the nodes', () => {
    const counts = nodes(4).map((me) => Array.from({ length: 4_000 }, (_, n) => share(n + 1, nodes(4), me, 1)));
    for (const count of counts.map(sum)) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('moves only what a node had when the node goes', () => {
    const all = nodes(4);
    const owner = (consumerId: number, among: readonly number[]): number | undefined =>
      among.find((me) => share(consumerId, among, me, 1) === 1);
    const rest = all.filter((node) => node !== 6);
    for (let consumerId = 1; consumerId <= 500; consumerId++)
      if (owner(consumerId, all) !== 6) expect(owner(consumerId, rest)).toBe(owner(consumerId, all));
  });

  it('is nested: who takes part with few, takes part with more', () => {
    const all = nodes(6);
    for (let consumerId = 1; consumerId <= 100; consumerId++)
      for (const me of all)
        for (let most = 1; most < 6; most++)
          if (partOf(consumerId, all, me, most)) expect(partOf(consumerId, all, me, most + 1)).toBeDefined();
  });

  it('of a smaller whole than there are parts is 1 for the first ones', () => {
    expect([0, 1, 2].map((place) => shareOf(2, { place, parts: 3 }))).toEqual([1, 1, 0]);
  });
});
