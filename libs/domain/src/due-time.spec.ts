import { readDelay, readDeliverAt } from './due-time.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const DAY_MS = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const at = (text: string) => readDeliverAt(text, NOW);

it.each([
  ['2026-11-25T13:00:00Z', '2026-11-25T13:00:00.000Z'],
  ['2026-11-25t13:00:00z', '2026-11-25T13:00:00.000Z'],
  ['2026-11-25T15:30:00+02:30', '2026-11-25T13:00:00.000Z'],
  ['2026-11-25T05:00:00-08:00', '2026-11-25T13:00:00.000Z'],
  ['2026-11-25T13:00:00.5Z', '2026-11-25T13:00:00.500Z'],
  ['2026-11-25T13:00:00.123Z', '2026-11-25T13:00:00.123Z'],
  ['2026-11-25T13:00:00.123000Z', '2026-11-25T13:00:00.123Z'],
  ['2026-11-25T13:00:00.1230001Z', '2026-11-25T13:00:00.124Z'],
  ['2026-11-25T12:59:59.9999Z', '2026-11-25T13:00:00.000Z'],
])('reads %s, never as an earlier time', (text, expected) => {
  expect(at(text)).toEqual({ due: { at: new Date(expected) } });
});

it.each([
  '',
  'tomorrow',
  '2026-11-26',
  '2026-11-26T12:00Z',
  '2026-11-26T12:00:00',
  '2026-11-26 12:00:00Z',
  '2026-02-30T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-11-26T24:00:00Z',
  '2026-11-26T12:60:00Z',
  '2026-11-26T12:00:60Z',
  '2026-11-26T12:00:00+24:00',
  '2026-11-26T12:00:00+0100',
  '2026-11-26T12:00:00.Z',
  ' 2026-11-26T12:00:00Z',
  '1795694400',
])('refuses %j', (text) => {
  expect(at(text)).toEqual({ problem: expect.stringContaining('RFC 3339') });
});

it('refuses what is no text', () => {
  for (const value of [undefined, null, 1, {}, new Date(NOW)]) expect(readDeliverAt(value, NOW)).toHaveProperty('problem');
});

it('takes times up to 366 days ahead', () => {
  expect(at(iso(NOW + 366 * DAY_MS))).toHaveProperty('due.at');
  expect(at(iso(NOW + 366 * DAY_MS + 1))).toEqual({ problem: 'must be at most 366 days ahead' });
});

it('takes a time that has passed for at once, and leaves one that may not have passed to the clock of the database', () => {
  expect(at(iso(NOW - 5_001))).toEqual({ due: undefined });
  expect(at('2001-01-01T00:00:00Z')).toEqual({ due: undefined });
  expect(at(iso(NOW - 4_000))).toEqual({ due: { at: new Date(NOW - 4_000) } });
});

it('reads delays from 0 to 366 days', () => {
  expect(readDelay(0)).toEqual({ due: undefined });
  expect(readDelay(1)).toEqual({ due: { afterSeconds: 1 } });
  expect(readDelay(31_622_400)).toEqual({ due: { afterSeconds: 31_622_400 } });
  for (const value of [31_622_401, -1, 0.5, Number.NaN, Infinity, '1', null, undefined]) {
    expect(readDelay(value)).toEqual({ problem: expect.stringContaining('0 to 31622400') });
  }
});
