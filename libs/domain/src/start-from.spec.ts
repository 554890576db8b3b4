import { firstIdAt, idBefore } from './id.js';
import { parseStartFrom } from './start-from.js';

it.each([undefined, null, 'now'])('%p begins with the next message', (value) => {
  expect(parseStartFrom(value)).toEqual({ history: null });
});

it('earliest begins with the first message', () => {
  expect(parseStartFrom('earliest')).toEqual({ history: { after: '0' } });
});

it('a time begins with the first message of its millisecond, and one before all messages with the first', () => {
  const from = '2026-01-31T08:00:00.000Z';
  expect(parseStartFrom('2026-01-31T09:00:00+01:00')).toEqual({ history: { after: idBefore(firstIdAt(Date.parse(from))), from } });
  expect(parseStartFrom('1999-01-01T00:00:00Z')).toEqual({ history: { after: '0', from: '1999-01-01T00:00:00.000Z' } });
});

it.each(['', 'yesterday', '2026-01-31', '2026-13-31T00:00:00Z', 5, {}])('%p is refused', (value) => {
  expect(parseStartFrom(value)).toBeUndefined();
});
