import { type Limited, Limits } from './limits.js';

const target = (consumerId: number, more: Partial<Limited> = {}): Limited => ({
  consumerId,
  maxInFlight: 64,
  rateLimit: null,
  resumeRate: null,
  ...more,
});

/** Several processes that see the same nodes. */
function processes(count: number): { clock: { now: number }; nodes: number[]; all: Limits[] } {
  const clock = { now: 0 };
  const nodes = Array.from({ length: count }, (_, n) => n);
  const all = nodes.map((me) => new Limits({ now: nodes, me, since: 0 }, () => clock.now));
  return { clock, nodes, all };
}
const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);

it('shares the requests under way', () => {
  expect(processes(2).all.map((limits) => limits.inFlight(target(1)))).toEqual([32, 32]);
  expect(processes(1).all.map((limits) => limits.inFlight(target(1)))).toEqual([64]);
  expect(sum(processes(3).all.map((limits) => limits.inFlight(target(1, { maxInFlight: 1 }))))).toBe(1);
});

it('has nothing while the process holds still', () => {
  const limits = new Limits({ now: [], me: 0, since: 0 });
  const limited = target(1, { rateLimit: { perSecond: 10, burst: 5 } });
  expect(limits.inFlight(limited)).toBe(0);
  limits.take(limited, 1);
  limits.back(limited, 1);
  expect(limits.waitMs(limited)).toBe(0);
});

it('lets a consumer without a rate have as many requests as it likes', () => {
  const [limits] = processes(1).all;
  expect(limits!.requests(target(1))).toBe(Infinity);
  expect(limits!.waitMs(target(1))).toBe(0);
});

it('shares a rate: together the processes let as many requests begin as one would', () => {
  const { clock, all } = processes(3);
  const limited = target(7, { rateLimit: { perSecond: 20, burst: 5 } });
  let begun = 0;
  for (clock.now = 0; clock.now <= 60_000; clock.now += 5)
    for (const limits of all) {
      const some = limits.requests(limited);
      limits.take(limited, some);
      begun += some;
      expect(begun).toBeLessThanOrEqual(5 + 20 * (clock.now / 1000 + 0.05));
    }
  expect(begun).toBeGreaterThan(20 * 60 * 0.99);
});

it.each([
  [{ rateLimit: { perSecond: 0.5, burst: 5 } }, 1],
  [{ rateLimit: { perSecond: 2, burst: 5 } }, 2],
  [{ rateLimit: { perSecond: 20, burst: 1 } }, 1],
  [{ rateLimit: { perSecond: 20, burst: 5 }, maxInFlight: 2 }, 2],
  [{ resumeRate: 1 }, 1],
  [{ rateLimit: { perSecond: 20, burst: 5 } }, 3],
])('is shared by as many as can have a part of all limits: %j', (settings, sharers) => {
  const { clock, all } = processes(3);
  clock.now = 600_000;
  const limited = target(7, settings);
  const mine = all.filter((limits) => limits.inFlight(limited) > 0);
  expect(mine).toHaveLength(sharers);
  expect(mine.every((limits) => limits.requests(limited) >= 1)).toBe(true);
  expect(sum(mine.map((limits) => limits.inFlight(limited)))).toBe(limited.maxInFlight);
});

it('begins without tokens when the processes have changed, and takes back what was not used', () => {
  const clock = { now: 10_000 };
  const limits = new Limits({ now: [0], me: 0, since: 10_000 }, () => clock.now);
  const limited = target(1, { rateLimit: { perSecond: 2, burst: 4 } });
  expect(limits.requests(limited)).toBe(0);
  expect(limits.waitMs(limited)).toBeCloseTo(500);
  clock.now = 11_000;
  limits.take(limited, 2);
  expect(limits.requests(limited)).toBe(0);
  limits.back(limited, 2);
  expect(limits.requests(limited)).toBe(2);
});

it('goes by a changed rate at once', () => {
  const { clock, all } = processes(1);
  clock.now = 60_000;
  const [limits] = all;
  const fast = target(1, { rateLimit: { perSecond: 100, burst: 100 } });
  limits!.take(fast, limits!.requests(fast));
  const slow = target(1, { rateLimit: { perSecond: 1, burst: 1 } });
  expect(limits!.requests(slow)).toBe(0);
  expect(limits!.waitMs(slow)).toBeGreaterThan(900 - 5_000);
  clock.now = 62_000;
  expect(limits!.requests(slow)).toBe(1);
});
