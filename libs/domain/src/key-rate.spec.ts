import { parseKeyRate, rateFields } from './key-rate.js';

it('reads a rate, and takes one second’s worth for a burst that is not said', () => {
  expect(parseKeyRate({ perSecond: 10, burst: 50 })).toEqual({ rate: { perSecond: 10, burst: 50 } });
  expect(parseKeyRate({ perSecond: 2.5 })).toEqual({ rate: { perSecond: 2.5, burst: 3 } });
  expect(parseKeyRate({ perSecond: 0.01, burst: null })).toEqual({ rate: { perSecond: 0.01, burst: 1 } });
});

it.each([
  ['nothing', null, ['rateLimit']],
  ['a number', 10, ['rateLimit']],
  ['no rate', {}, ['rateLimit.perSecond']],
  ['a rate of 0', { perSecond: 0 }, ['rateLimit.perSecond']],
  ['a rate that is no number', { perSecond: '10' }, ['rateLimit.perSecond']],
  ['a rate above the limit', { perSecond: 1_000_001 }, ['rateLimit.perSecond', 'rateLimit.burst']],
  ['a burst of 0', { perSecond: 1, burst: 0 }, ['rateLimit.burst']],
  ['a burst of a half', { perSecond: 1, burst: 0.5 }, ['rateLimit.burst']],
  ['a burst above the limit', { perSecond: 1, burst: 1_000_001 }, ['rateLimit.burst']],
  ['an unknown field', { perSecond: 1, perMinute: 1 }, ['rateLimit.perMinute']],
])('does not take %s', (_what, value, fields) => {
  const parsed = parseKeyRate(value);
  expect('problems' in parsed ? parsed.problems.map(({ field }) => field) : []).toEqual(fields);
});

it('says what is left in the fields of the draft', () => {
  expect(rateFields({ perSecond: 10, burst: 50 }, { remaining: 12.7, fullAfterMs: 3_730 })).toEqual({
    'ratelimit-policy': '"key";q=50;w=5',
    ratelimit: '"key";r=12;t=4',
  });
  expect(rateFields({ perSecond: 100, burst: 1 }, { remaining: -3, fullAfterMs: 0 })).toEqual({
    'ratelimit-policy': '"key";q=1;w=1',
    ratelimit: '"key";r=0;t=0',
  });
});
