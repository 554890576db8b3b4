import { afterProbe, attemptHealth, breakerStatus, BreakerWindow, openMs } from './breaker.js';
import { DEFAULT_BREAKER } from './breaker-settings.js';

const SETTINGS = { ...DEFAULT_BREAKER, minimum: 10, windowSeconds: 60 };
const WELL = { failed: false, slow: false };
const FAILED = { failed: true, slow: false };
const SLOW = { failed: false, slow: true };

describe('what an attempt says about its consumer', () => {
  const answered = (httpCode: number) => attemptHealth({ kind: 'answered', httpCode }, 10, null);

  it('failed: 5xx, 408, redirects', () => {
    expect([500, 502, 503, 504, 408, 301, 307].map((code) => answered(code)?.failed)).toEqual(Array.from({ length: 7 }, () => true));
  });

  it('well: 2xx, and answers that are about the message or ask for patience', () => {
    expect([200, 204, 400, 401, 404, 410, 422, 429].map((code) => answered(code)?.failed)).toEqual(Array.from({ length: 8 }, () => false));
  });

  it('failed: no connection, no answer, no valid answer, no token', () => {
    for (const errorClass of [
      'timeout',
      'dns',
      'connection-refused',
      'connection-reset',
      'tls',
      'invalid-response',
      'token-endpoint',
    ] as const)
      expect(attemptHealth({ kind: 'failed', errorClass }, 10, null)).toEqual(FAILED);
  });

  it('nothing: what failed on our side, and what was not posted', () => {
    for (const errorClass of [
      'resolver-unreachable',
      'network-unreachable',
      'out-of-resources',
      'secret-unavailable',
      'internal',
      'blocked-target',
    ] as const)
      expect(attemptHealth({ kind: 'failed', errorClass }, 10, null)).toBeUndefined();
  });

  it('slow: as long as slowMs, however it ended', () => {
    expect(attemptHealth({ kind: 'answered', httpCode: 200 }, 500, 500)).toEqual(SLOW);
    expect(attemptHealth({ kind: 'failed', errorClass: 'timeout' }, 501, 500)).toEqual({ failed: true, slow: true });
    expect(attemptHealth({ kind: 'answered', httpCode: 200 }, 499, 500)).toEqual(WELL);
  });
});

describe('a window', () => {
  it('says nothing before the minimum, and then opens at the rate', () => {
    const window = new BreakerWindow(SETTINGS);
    const said = [...Array.from({ length: 5 }, () => WELL), ...Array.from({ length: 5 }, () => FAILED)].map((one, n) => window.add(one, n));
    expect(said).toEqual([...Array.from({ length: 9 }, () => undefined), 'errors']);
  });

  it('stays closed below the rate, however many fail', () => {
    const window = new BreakerWindow(SETTINGS);
    for (let n = 0; n < 300; n++) expect(window.add(n % 10 < 5 || n % 10 === 9 ? WELL : FAILED, n)).toBeUndefined();
  });

  it('forgets what is older than its length', () => {
    const window = new BreakerWindow(SETTINGS);
    for (let n = 0; n < 9; n++) expect(window.add(FAILED, 0)).toBeUndefined();
    expect(window.add(FAILED, 60_000)).toBeUndefined();
    for (let n = 0; n < 8; n++) expect(window.add(FAILED, 61_000)).toBeUndefined();
    expect(window.add(FAILED, 61_000)).toBe('errors');
  });

  it('opens when too many are slow, at the rate for that', () => {
    const window = new BreakerWindow({ ...SETTINGS, slowRate: 0.8 });
    expect([WELL, WELL, ...Array.from({ length: 8 }, () => SLOW)].map((one) => window.add(one, 0)).at(-1)).toBe('slow');
    const other = new BreakerWindow({ ...SETTINGS, slowRate: 0.81 });
    expect([WELL, WELL, ...Array.from({ length: 8 }, () => SLOW)].map((one) => other.add(one, 0)).at(-1)).toBeUndefined();
  });

  it('never opens on an attempt that went well', () => {
    const window = new BreakerWindow({ ...SETTINGS, minimum: 3 });
    expect([FAILED, FAILED, WELL].map((one) => window.add(one, 0))).toEqual([undefined, undefined, undefined]);
  });
});

it('is open for twice as long each time, up to the longest', () => {
  expect([1, 2, 3, 5, 6, 500].map((openings) => openMs(DEFAULT_BREAKER, openings))).toEqual([
    30_000, 60_000, 120_000, 480_000, 600_000, 600_000,
  ]);
});

describe('a probe', () => {
  const state = { openings: 2, passed: 0 };

  it('that succeeds closes, or asks for the next', () => {
    expect(afterProbe(WELL, state, SETTINGS)).toEqual({ to: 'closed' });
    expect(afterProbe(WELL, state, { ...SETTINGS, probes: 2 })).toEqual({ to: 'half-open', passed: 1 });
    expect(afterProbe(WELL, { openings: 2, passed: 1 }, { ...SETTINGS, probes: 2 })).toEqual({ to: 'closed' });
  });

  it('that fails, or is slow, opens for longer', () => {
    for (const health of [FAILED, SLOW]) expect(afterProbe(health, state, SETTINGS)).toEqual({ to: 'open', openings: 3, openMs: 120_000 });
    expect(afterProbe(FAILED, { openings: 1_000, passed: 0 }, SETTINGS)).toEqual({ to: 'open', openings: 1_000, openMs: 600_000 });
  });

  it('that failed on our side opens for as long as before', () => {
    expect(afterProbe(undefined, state, SETTINGS)).toEqual({ to: 'open', openings: 2, openMs: 60_000 });
  });
});

it('is half-open while it is probed, and when it may be', () => {
  const now = Date.now();
  expect(breakerStatus(null, false, now)).toBe('closed');
  expect(breakerStatus(new Date(now + 1), false, now)).toBe('open');
  expect(breakerStatus(new Date(now + 1), true, now)).toBe('half-open');
  expect(breakerStatus(new Date(now), false, now)).toBe('half-open');
});
