import { isWholeAnswer } from './server-answer.mjs';

const packet = (...content) => Buffer.from([content.length, 0, 0, 1, ...content]);
/** Status flags: 1 in a transaction, 2 autocommit, 8 more results follow. */
const ok = (status) => packet(0, 0, 0, status, 0, 0, 0);
const end = (status) => packet(0xfe, 0, 0, status, 0);
const error = packet(0xff, 0x15, 0x04);
const column = packet(3, 0x64, 0x65, 0x66);
const row = packet(1, 0x37);
const rows = (status) => [packet(1), column, end(status), row, row, end(status)];

it.each([
  ['an OK', [ok(2)], true],
  ['an OK in a transaction', [ok(3)], true],
  ['an OK that more results follow', [ok(10)], false],
  ['the OK of COMMIT behind that of an INSERT', [ok(11), ok(2)], true],
  ['an OK with long numbers before its flags', [packet(0, 0xfc, 1, 2, 0xfd, 1, 2, 3, 2, 0, 0, 0)], true],
  ['an OK with long numbers that more results follow', [packet(0, 0xfc, 1, 2, 0xfd, 1, 2, 3, 10, 0, 0, 0)], false],
  ['an error', [error], true],
  ['an error behind an OK', [ok(11), error], true],
  ['rows', rows(2), true],
  ['rows that have not all come', rows(2).slice(0, 5), false],
  ['columns whose rows have not come', rows(2).slice(0, 3), false],
  ['rows that broke off', [...rows(2).slice(0, 4), error], true],
  ['rows, OKs and COMMIT', [...rows(11), ok(11), ...rows(11), ok(2)], true],
  ['rows and OKs, COMMIT to come', [...rows(11), ok(11)], false],
  ['nothing', [], false],
])('%s: %#', (_what, packets, whole) => {
  expect(isWholeAnswer(Buffer.concat(packets))).toBe(whole);
});

it('is not whole while its last packet is not', () => {
  const answer = Buffer.concat([ok(11), ok(2)]);
  for (let length = 0; length < answer.length; length += 1) expect(isWholeAnswer(answer.subarray(0, length))).toBe(false);
});
