import { isFinished, jobActs, jobAfter, jobPauseMicros, jobStates, jobStepRows } from './job.js';

it.each([
  ['pause', ['paused', 'paused', undefined, undefined, undefined]],
  ['resume', ['running', 'running', undefined, undefined, 'running']],
  ['cancel', ['cancelled', 'cancelled', undefined, 'cancelled', 'cancelled']],
] as const)('%s leads from running, paused, done, cancelled and failed to %j', (act, states) => {
  expect(jobStates.map((state) => jobAfter(state, act))).toEqual(states);
});

it('an act repeated changes nothing', () => {
  for (const act of jobActs) {
    for (const state of jobStates) {
      const next = jobAfter(state, act);
      if (next) expect(jobAfter(next, act)).toBe(next);
    }
  }
});

it('done, cancelled and failed are ends', () => {
  expect(jobStates.filter(isFinished)).toEqual(['done', 'cancelled', 'failed']);
});

it.each([null, 0.1, 0.5, 1, 3, 7, 10, 99, 1000, 2000, 10_000])('steps at a rate of %p keep to it within 1 %', (rate) => {
  const rows = jobStepRows(rate);
  expect(rows).toBeGreaterThanOrEqual(1);
  expect(rows).toBeLessThanOrEqual(500);
  if (rate === null) expect(jobPauseMicros(rate, rows)).toBe(0);
  else expect(Math.abs(rows / (jobPauseMicros(rate, rows) / 1_000_000) / rate - 1)).toBeLessThan(0.01);
});
