import { KeyRing, SealError } from './seal.js';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

describe('KeyRing', () => {
  it('opens what it sealed, in the same context', () => {
    const ring = KeyRing.parse(key(1));
    for (const plain of ['', 'whsec_x', 'ünï✓'.repeat(1000)]) expect(ring.open(ring.seal(plain, 'consumer:1'), 'consumer:1')).toBe(plain);
  });

  it('never seals alike twice', () => {
    const ring = KeyRing.parse(key(1));
    expect(ring.seal('a', 'c')).not.toBe(ring.seal('a', 'c'));
  });

  it('opens with an old key and seals with the first', () => {
    const old = KeyRing.parse(key(1)).seal('secret', 'c');
    const rotated = KeyRing.parse(`${key(2)}, ${key(1)}`);
    expect(rotated.open(old, 'c')).toBe('secret');
    expect(KeyRing.parse(key(2)).open(rotated.seal('secret', 'c'), 'c')).toBe('secret');
    expect(() => KeyRing.parse(key(2)).open(old, 'c')).toThrow(SealError);
  });

  it('knows what its first key has sealed', () => {
    const [old, rotated] = [KeyRing.parse(key(1)), KeyRing.parse(`${key(2)},${key(1)}`)];
    expect([old.seal('x', 'c'), rotated.seal('x', 'c')].map((text) => rotated.isCurrent(text))).toEqual([false, true]);
    expect(rotated.isCurrent('')).toBe(false);
  });

  it('refuses another context, an altered text and an unknown format', () => {
    const ring = KeyRing.parse(key(1));
    const sealed = ring.seal('secret', 'consumer:1');
    const altered = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA');
    expect(() => ring.open(sealed, 'consumer:2')).toThrow(SealError);
    for (const text of [altered, `${sealed}.x`, sealed.replace('s1', 's2'), 's1', '', sealed.slice(0, 30)]) {
      expect(() => ring.open(text, 'consumer:1')).toThrow(SealError);
    }
  });

  it('refuses wrong keys without repeating them', () => {
    const short = Buffer.alloc(31, 7).toString('base64');
    for (const text of ['', short, `${key(1)},`, `${key(1)},${key(1)}`, 'x'.repeat(44)])
      expect(() => KeyRing.parse(text)).toThrow(RangeError);
    expect(() => KeyRing.parse(short)).toThrow(expect.not.objectContaining({ message: expect.stringContaining(short) }));
  });

  it('does not show its keys', () => {
    expect(JSON.stringify(KeyRing.parse(key(1)))).toBe('{}');
  });
});
