import { parseAutoRedrive } from './auto-redrive.js';

it.each([
  [undefined, null],
  [null, null],
  [false, null],
  [true, {}],
  [{}, {}],
  [{ withinSeconds: null, ratePerSecond: null }, {}],
  [
    { withinSeconds: 3600, ratePerSecond: 0.5 },
    { withinSeconds: 3600, ratePerSecond: 0.5 },
  ],
])('%j is read as %j', (value, autoRedrive) => {
  expect(parseAutoRedrive(value)).toEqual({ autoRedrive });
});

it.each([
  ['always', ['autoRedrive']],
  [[], ['autoRedrive']],
  [{ withinSeconds: 0, ratePerSecond: 0 }, ['autoRedrive.withinSeconds', 'autoRedrive.ratePerSecond']],
  [{ withinSeconds: 1.5 }, ['autoRedrive.withinSeconds']],
  [{ ratePerSecond: 10_001, limit: 3 }, ['autoRedrive.limit', 'autoRedrive.ratePerSecond']],
])('%j is refused, with the names of what is wrong', (value, fields) => {
  const parsed = parseAutoRedrive(value);
  expect('problems' in parsed && parsed.problems.map(({ field }) => field)).toEqual(fields);
});
