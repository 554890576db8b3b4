import { holdMs } from './hold.js';
import { DEFAULT_RETRY } from './retry-policy.js';

const answered = (httpCode: number, retryAfterMs?: number) => ({ kind: 'answered', httpCode, retryAfterMs }) as const;

it('holds for as long as 429 and 503 ask, up to the cap', () => {
  expect([429, 503].map((code) => holdMs(answered(code, 90_000), DEFAULT_RETRY, 1))).toEqual([90_000, 90_000]);
  expect(holdMs(answered(503, 90_000), { ...DEFAULT_RETRY, capSeconds: 60 }, 1)).toBe(60_000);
  expect(holdMs(answered(503, 0), DEFAULT_RETRY, 3)).toBe(0);
});

it('doubles from a second to a minute when they do not say', () => {
  expect([1, 2, 3, 7, 99].map((refusals) => holdMs(answered(429), DEFAULT_RETRY, refusals))).toEqual([1_000, 2_000, 4_000, 60_000, 60_000]);
});

it('holds for nothing else', () => {
  expect([200, 302, 404, 500, 502].map((code) => holdMs(answered(code, 1_000), DEFAULT_RETRY, 1))).toEqual([0, 0, 0, 0, 0]);
  expect(holdMs({ kind: 'failed', errorClass: 'timeout' }, DEFAULT_RETRY, 1)).toBe(0);
});
