import { decodeNudge, encodeNudge } from './nudge.js';

it('says which consumers, or none for everywhere', () => {
  expect(decodeNudge(encodeNudge([1, 4_294_967_295]))).toEqual([1, 4_294_967_295]);
  expect(decodeNudge(encodeNudge([]))).toEqual([]);
});

it.each([Buffer.alloc(0), Buffer.from('PHN'), Buffer.from('PHN2aaaa'), Buffer.from('PHN1aaa'), Buffer.alloc(4 + 4 * 301)])(
  'is deaf to what is no nudge',
  (datagram) => {
    expect(decodeNudge(datagram)).toBeUndefined();
  },
);
