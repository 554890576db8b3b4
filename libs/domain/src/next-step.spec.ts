import { type AttemptResult, errorClasses, isOurs, MOST_SPARED, nextStep } from './next-step.js';
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
    for (const errorClass of errorClasses.filter((name) => name !== 'gone' && name !== 'blocked-target' && !isOurs(name))) {
      expect(step({ kind: 'failed', errorClass }, 10)).toEqual({ to: 'retry', delayMs: 18_000_000, errorClass });
      const dead = { to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false };
      expect(step({ kind: 'failed', errorClass }, 11)).toEqual(dead);
    }
  });

  it('spares the policy what failed on our side, with a back-off of its own, but not for ever', () => {
    const failed = (attemptsMade: number, attemptsBefore: number, random = 1) =>
      nextStep({ kind: 'failed', errorClass: 'resolver-unreachable' }, { delays: [] }, attemptsMade, random, attemptsBefore);
    const retry = { to: 'retry', errorClass: 'resolver-unreachable', spared: true };
    expect([0, 1, 6, 7, 99, MOST_SPARED - 1].map((before) => failed(1, before))).toEqual(
      [1_000, 2_000, 64_000, 120_000, 120_000, 120_000].map((delayMs) => ({ ...retry, delayMs })),
    );
    expect(failed(1, 0, 0)).toEqual({ ...retry, delayMs: 500 });
    expect(failed(1, MOST_SPARED)).toMatchObject({ to: 'dead', reason: 'attempts-exhausted' });
  });

  it('buries a delivery at once when the policy calls the status permanent', () => {
    const policy = { ...DEFAULT_RETRY, permanentStatuses: [302, '4xx' as const] };
    const dead = { to: 'dead', reason: 'permanent-status', disableConsumer: false };
    expect(nextStep(answered(302), policy, 1, 0)).toEqual({ ...dead, errorClass: 'redirect' });
    expect(nextStep(answered(404, 60_000), policy, 1, 0)).toEqual({ ...dead, errorClass: 'http-status' });
    expect([429, 500].map((code) => nextStep(answered(code), policy, 1, 0).to)).toEqual(['retry', 'retry']);
    expect(nextStep(answered(410), policy, 1, 0)).toMatchObject({ reason: 'gone', disableConsumer: true });
    expect(nextStep(answered(204), policy, 1, 0)).toEqual({ to: 'delivered' });
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
