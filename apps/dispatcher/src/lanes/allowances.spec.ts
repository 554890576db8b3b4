import { Allowances } from './allowances.js';
import { ConsumerHealth } from './consumer-health.js';
import { Holds } from './holds.js';
import { Limits } from './limits.js';
import { Pace } from './pace.js';
import { Slots } from './slots.js';
import type { Target, Targets } from './targets.js';

const parts = { maxInFlight: 4, timeoutMs: 1_000, batch: null, rateLimit: null, resumeRate: null };

function allowances(settings: object | undefined, { nodes = [0], waiting = 0 } = {}) {
  const target = settings && { consumerId: 1, ...parts, ...settings };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only what is there is read
  const targets = { peek: () => target as Target | undefined } as unknown as Targets;
  const [slots, pace, holds] = [new Slots(100, 100), new Pace(), new Holds()];
  const limits = new Limits({ now: nodes, me: 0, since: 0 }, () => 60_000);
  return {
    slots,
    pace,
    holds,
    of: () => new Allowances({ targets, slots, pace, holds, health: new ConsumerHealth(), limits, waiting: () => waiting }).of(1),
  };
}

it('is what a consumer may have in flight, less what is', () => {
  const { of, slots } = allowances({});
  expect(of()).toMatchObject({ rows: 4 });
  for (let n = 0; n < 3; n++) slots.take(1);
  expect(of()).toMatchObject({ rows: 1 });
  slots.take(1);
  expect(of()).toMatchObject({ none: 'full' });
});

it('is nothing for a consumer that is not known, is the business of others, or wants to be left alone', () => {
  expect(allowances(undefined).of()).toEqual({ none: 'unknown' });
  expect(allowances({}, { nodes: [] }).of()).toMatchObject({ none: 'elsewhere' });
  const { of, holds } = allowances({});
  holds.ended(1, { kind: 'answered', httpCode: 503, retryAfterMs: 60_000 }, { delays: [60] });
  expect(of()).toMatchObject({ none: 'full' });
});

it('is more for a consumer that answers fast, unless its requests are limited', () => {
  for (const [settings, rows] of [
    [{}, 4 + 128],
    [{ rateLimit: { perSecond: 50, burst: 50 } }, 4],
  ] as const) {
    const { of, pace } = allowances(settings);
    pace.delivered(1, 1);
    expect(of()).toMatchObject({ rows });
  }
});

it('is no more than may begin now', () => {
  expect(allowances({ rateLimit: { perSecond: 2, burst: 2 } }).of()).toMatchObject({ rows: 2 });
  expect(allowances({ resumeRate: 1 }).of()).toMatchObject({ rows: 1 });
});

it('counts batches as one request each, and what waits for its batch', () => {
  const batch = { maxMessages: 10, maxWaitMs: 100 };
  expect(allowances({ batch }).of()).toMatchObject({ rows: 40 });
  const rateLimit = { perSecond: 2, burst: 2 };
  expect(allowances({ batch, rateLimit }).of()).toMatchObject({ rows: 20 });
  expect(allowances({ batch, rateLimit }, { waiting: 15 }).of()).toMatchObject({ rows: 5 });
  expect(allowances({ batch, rateLimit }, { waiting: 20 }).of()).toMatchObject({ none: 'throttled' });
});
