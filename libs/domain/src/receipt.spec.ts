import { randomBytes } from 'node:crypto';
import { type LeaseKey, isPullToken, pullToken, readReceipt, writeReceipt } from './receipt.js';

const largest: LeaseKey = {
  consumerId: 2 ** 32 - 1,
  rank: 9,
  seq: (2n ** 64n - 1n).toString(),
  messageId: (2n ** 63n - 1n).toString(),
  attempt: 65_535,
  token: (2n ** 64n - 1n).toString(),
};
const smallest: LeaseKey = { consumerId: 1, rank: 0, seq: '1', messageId: '1', attempt: 1, token: (2n ** 63n).toString() };

it.each([largest, smallest])('reads back what it wrote', (key) => {
  expect(writeReceipt(key)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(readReceipt(writeReceipt(key))).toEqual(key);
});

it('makes tokens of 63 random bits that are never those of a dispatcher', () => {
  const tokens = Array.from({ length: 1000 }, () => pullToken(randomBytes(8)));
  expect(new Set(tokens).size).toBe(1000);
  expect(tokens.every(isPullToken)).toBe(true);
  expect(isPullToken('0')).toBe(false);
  expect(isPullToken((2n ** 63n - 1n).toString())).toBe(false);
  expect(pullToken(Buffer.alloc(8))).toBe((2n ** 63n).toString());
});

describe('what is no receipt', () => {
  const receipt = writeReceipt(largest);
  const version2 = Buffer.from(receipt, 'base64url');
  version2.writeUInt8(2, 0);
  it.each([
    ['nothing', ''],
    ['other text', 'hello'],
    ['a part of one', receipt.slice(0, 42)],
    ['one with more', `${receipt}A`],
    ['one of another version', version2.toString('base64url')],
    ['one whose last bits are not zero', `${writeReceipt(smallest).slice(0, 42)}B`],
    ['one with a token of a dispatcher', writeReceipt({ ...smallest, token: '123456789' })],
  ])('%s', (_what, text) => {
    expect(readReceipt(text)).toBeUndefined();
  });
});
