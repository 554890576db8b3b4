import { effectiveRate, mostSharers, parseRateLimit } from './rate-limit.js';

it.each([
  [
    { perSecond: 20, burst: 5 },
    { perSecond: 20, burst: 5 },
  ],
  [{ perSecond: 0.5 }, { perSecond: 0.5, burst: 1 }],
  [{ perSecond: 2.5 }, { perSecond: 2.5, burst: 3 }],
  [
    { perSecond: 100_000, burst: null },
    { perSecond: 100_000, burst: 100_000 },
  ],
])('reads %j', (value, rateLimit) => {
  expect(parseRateLimit(value)).toEqual({ rateLimit });
});

it.each<[unknown, string[]]>([
  [null, ['rateLimit']],
  [[], ['rateLimit']],
  [{}, ['rateLimit.perSecond']],
  [{ perSecond: 0 }, ['rateLimit.perSecond']],
  [{ perSecond: '1' }, ['rateLimit.perSecond']],
  [{ perSecond: 100_001 }, ['rateLimit.perSecond']],
  [{ perSecond: Number.NaN }, ['rateLimit.perSecond']],
  [{ perSecond: 1, burst: 0 }, ['rateLimit.burst']],
  [{ perSecond: 1, burst: 1.5 }, ['rateLimit.burst']],
  [{ perSecond: 1, burst: 100_001 }, ['rateLimit.burst']],
  [{ perSecond: -1, burst: -1, perMinute: 1 }, ['rateLimit.perMinute', 'rateLimit.perSecond', 'rateLimit.burst']],
])('names what is wrong with %j', (value, fields) => {
  const parsed = parseRateLimit(value);
  expect('problems' in parsed && parsed.problems.map(({ field }) => field)).toEqual(fields);
});

it('lets the stricter of a limit and a resume rate hold', () => {
  expect(effectiveRate(null, null)).toBeNull();
  expect(effectiveRate({ perSecond: 20, burst: 5 }, null)).toEqual({ perSecond: 20, burst: 5 });
  expect(effectiveRate(null, 50)).toEqual({ perSecond: 50, burst: 5 });
  expect(effectiveRate(null, 0.1)).toEqual({ perSecond: 0.1, burst: 1 });
  expect(effectiveRate({ perSecond: 20, burst: 30 }, 50)).toEqual({ perSecond: 20, burst: 5 });
  expect(effectiveRate({ perSecond: 200, burst: 3 }, 50)).toEqual({ perSecond: 50, burst: 3 });
});

it('is shared by no more processes than have a request each', () => {
  expect(mostSharers({ perSecond: 0.5, burst: 5 })).toBe(1);
  expect(mostSharers({ perSecond: 2.9, burst: 5 })).toBe(2);
  expect(mostSharers({ perSecond: 20, burst: 3 })).toBe(3);
});
