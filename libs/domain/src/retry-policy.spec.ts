import { parseRetryPolicy } from './parse-retry-policy.js';
import { DEFAULT_RETRY, attemptsOf, retryCapMs, retryDelayMs } from './retry-policy.js';

const exact = { ...DEFAULT_RETRY, jitter: false };

describe('retryDelayMs', () => {
  it('multiplies up to the cap, for ten retries by default', () => {
    const delays = Array.from({ length: 11 }, (_, index) => retryDelayMs(exact, index + 1, 0.5));
    expect(delays).toEqual([5, 20, 80, 320, 1280, 5120, 20_480, 36_000, 36_000, 36_000, undefined].map((s) => s && s * 1000));
  });

  it('spreads full jitter from zero to the whole delay', () => {
    expect([0, 0.25, 0.9999999].map((random) => retryDelayMs(DEFAULT_RETRY, 2, random))).toEqual([0, 5000, 20_000]);
  });

  it('keeps the rest of a delay when only a share is random', () => {
    expect([0, 0.5].map((random) => retryDelayMs({ ...DEFAULT_RETRY, jitter: 0.2 }, 1, random))).toEqual([4000, 4500]);
  });

  it('waits exactly as listed', () => {
    const policy = { delays: [0.5, 60] };
    expect([1, 2, 3].map((made) => retryDelayMs(policy, made, 0.1))).toEqual([500, 60_000, undefined]);
    expect([attemptsOf(policy), retryCapMs(policy), retryCapMs({ ...exact, capSeconds: 9 })]).toEqual([3, 36_000_000, 9000]);
  });

  it('stays finite for the steepest policy', () => {
    expect(retryDelayMs({ baseSeconds: 86_400, factor: 100, capSeconds: 604_800, attempts: 100, jitter: true }, 99, 0.5)).toBe(302_400_000);
  });
});

describe('parseRetryPolicy', () => {
  it('completes a partial policy with the defaults', () => {
    expect(parseRetryPolicy({})).toEqual({ policy: DEFAULT_RETRY });
    expect(parseRetryPolicy({ attempts: 3, jitter: 'none' })).toEqual({ policy: { ...DEFAULT_RETRY, attempts: 3, jitter: false } });
    expect(parseRetryPolicy({ jitter: 'full' })).toEqual({ policy: DEFAULT_RETRY });
    expect(parseRetryPolicy({ jitter: 0.3 })).toEqual({ policy: { ...DEFAULT_RETRY, jitter: 0.3 } });
    expect(parseRetryPolicy({ delays: [] })).toEqual({ policy: { delays: [] } });
    expect(parseRetryPolicy({ delays: [0, 1.5] })).toEqual({ policy: { delays: [0, 1.5] } });
  });

  it.each([
    [null, ['retry']],
    [[1], ['retry']],
    [
      { baseSeconds: 0, factor: 0.5, capSeconds: 1e9, attempts: 1.5, jitter: 2 },
      ['baseSeconds', 'factor', 'capSeconds', 'attempts', 'jitter'],
    ],
    [{ baseSeconds: '5', attempts: Number.NaN }, ['baseSeconds', 'attempts']],
    [{ tries: 3 }, ['tries']],
    [{ delays: [1, -1, 'x'] }, ['delays.1', 'delays.2']],
    [{ delays: Array.from({ length: 101 }, () => 1) }, ['delays']],
    [{ delays: [1], factor: 2 }, ['factor']],
    [{ delays: 5 }, ['delays']],
  ])('names every problem of %j', (value, fields) => {
    const parsed = parseRetryPolicy(value);
    const named = 'problems' in parsed ? parsed.problems.map(({ field }) => field.replace(/^retry\./, '')) : [];
    expect(named).toEqual(fields);
  });
});
