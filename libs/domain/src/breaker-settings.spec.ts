import { DEFAULT_BREAKER, parseBreaker } from './breaker-settings.js';

it('reads false, and completes what is left out', () => {
  expect(parseBreaker(false)).toEqual({ breaker: false });
  expect(parseBreaker({})).toEqual({ breaker: DEFAULT_BREAKER });
  expect(parseBreaker({ errorRate: 0.9, slowMs: 2_000, probes: 3 })).toEqual({
    breaker: { ...DEFAULT_BREAKER, errorRate: 0.9, slowMs: 2_000, probes: 3 },
  });
  expect(parseBreaker({ slowMs: null })).toEqual({ breaker: DEFAULT_BREAKER });
});

it('is open at most as long as it is open at first, if that is longer than the default', () => {
  expect(parseBreaker({ openSeconds: 3_600 })).toEqual({ breaker: { ...DEFAULT_BREAKER, openSeconds: 3_600, maxOpenSeconds: 3_600 } });
});

it.each([
  [true, 'breaker', /false, or an object/],
  [[], 'breaker', /false, or an object/],
  ['on', 'breaker', /false, or an object/],
  [{ errorRate: 0 }, 'breaker.errorRate', /from 0.01 to 1/],
  [{ errorRate: '0.5' }, 'breaker.errorRate', /from 0.01 to 1/],
  [{ minimum: 1.5 }, 'breaker.minimum', /whole number from 1 to 1000/],
  [{ minimum: null }, 'breaker.minimum', /whole number from 1 to 1000/],
  [{ slowMs: 120_001 }, 'breaker.slowMs', /whole number from 1 to 120000/],
  [{ openSeconds: 0 }, 'breaker.openSeconds', /from 0.1 to 86400/],
  [{ openSeconds: 10, maxOpenSeconds: 5 }, 'breaker.maxOpenSeconds', /not be less than openSeconds/],
  [{ probes: 101 }, 'breaker.probes', /whole number from 1 to 100/],
  [{ threshold: 5 }, 'breaker.threshold', /is not a field of a breaker/],
])('refuses %j, naming %s', (value, field, message) => {
  expect(parseBreaker(value)).toEqual({ problems: [{ field, message: expect.stringMatching(message) }] });
});

it('names everything that is wrong at once', () => {
  expect(parseBreaker({ errorRate: 2, minimum: 0, x: 1 })).toEqual({
    problems: ['breaker.x', 'breaker.errorRate', 'breaker.minimum'].map((field) => ({ field, message: expect.any(String) })),
  });
});
