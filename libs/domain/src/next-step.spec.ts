import { type AttemptResult, errorClasses, nextStep } from './next-step.js';
import { parseRetryAfter } from './retry-after.js';
import { DEFAULT_RETRY } from './retry-policy.js';

const step = (result: AttemptResult, attemptsMade = 1, random = 0.5) => nextStep(result, DEFAULT_RETRY, attemptsMade, random);
const answered = (httpCode: number, retryAfterMs?: number): AttemptResult => ({ kind: 'answered', httpCode, retryAfterMs });

describe('nextStep', () => {
  it.each([200, 201, 204, 299])('takes %d for delivered, even on the last attempt', (code) => {
    expect(step(answered(code), 11)).toEqual({ to: 'delivered' });
  });

  it.each([
    [301, 'redirect'],
    [304, 'redirect'],
    [400, 'http-status'],
    [404, 'http-status'],
    [429, 'http-status'],
    [500, 'http-status'],
    [101, 'http-status'],
  ])('retries after %d as %s', (code, errorClass) => {
    expect(step(answered(code))).toEqual({ to: 'retry', delayMs: 2500, errorClass });
  });

  it('buries a delivery and disables its consumer after 410', () => {
    expect(step(answered(410))).toEqual({ to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: true });
  });

  it('buries a delivery to a blocked target at once', () => {
    const dead = { to: 'dead', reason: 'blocked-target', errorClass: 'blocked-target', disableConsumer: false };
    expect(step({ kind: 'failed', errorClass: 'blocked-target' })).toEqual(dead);
  });

  it('retries every other failure, and buries a delivery after the last attempt', () => {
    for (const errorClass of errorClasses.filter((name) => name !== 'gone' && name !== 'blocked-target')) {
      expect(step({ kind: 'failed', errorClass }, 10)).toEqual({ to: 'retry', delayMs: 18_000_000, errorClass });
      const dead = { to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false };
      expect(step({ kind: 'failed', errorClass }, 11)).toEqual(dead);
    }
  });

  it('waits at least as long as Retry-After says, up to the cap', () => {
    expect(step(answered(503, 60_000))).toMatchObject({ delayMs: 60_000 });
    expect(step(answered(503, 10))).toMatchObject({ delayMs: 2500 });
    expect(step(answered(429, 1e12))).toMatchObject({ delayMs: 36_000_000 });
    expect(nextStep(answered(429, 1e12), { delays: [1] }, 1, 0)).toMatchObject({ delayMs: 36_000_000 });
    expect(step(answered(503, 60_000), 11)).toMatchObject({ to: 'dead' });
  });
});

describe('parseRetryAfter', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 0);

  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
    ['Sun Nov  6 08:49:37 1994', 37_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['99999999999', undefined],
    ['tomorrow', undefined],
    ['1994-11-06', undefined],
    ['Xxx, 99 Abc 1994 99:99:99 GMT', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %j', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });
});
