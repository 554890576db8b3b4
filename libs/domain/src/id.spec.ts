import { EPOCH_MS, IdHorizonError, IdMinter, firstIdAt, msOf } from './id.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const expected = (ms: number, number: number, sequence: number): string =>
  ((BigInt(ms - EPOCH_MS) << 22n) | (BigInt(number) << 12n) | BigInt(sequence)).toString();

describe('IdMinter', () => {
  it('joins milliseconds, process number and sequence', () => {
    for (const ms of [
      EPOCH_MS,
      EPOCH_MS + 1,
      EPOCH_MS + 2,
      EPOCH_MS + 3,
      NOW,
      NOW + 1,
      NOW + 2,
      NOW + 3,
      NOW + 4,
      EPOCH_MS + 2 ** 41 - 2,
    ]) {
      const minter = new IdMinter(1023, ms, ms + 1);
      for (let sequence = 0; sequence < 4096; sequence++) {
        const id = minter.mint(ms);
        if (id !== expected(ms, 1023, sequence)) throw new Error(`${id} at ${ms} ${sequence}`);
      }
    }
  });

  it('rises strictly when the clock stands, goes back or jumps', () => {
    const minter = new IdMinter(7, NOW, NOW + 1_000_000);
    let last = -1n;
    for (let step = 0; step < 20_000; step++) {
      const id = BigInt(minter.mint(NOW + (step % 3 === 0 ? -5000 : (step % 700) - 300)));
      expect(id > last).toBe(true);
      last = id;
    }
  });

  it('borrows the next millisecond when the sequence is full', () => {
    const minter = new IdMinter(0, NOW, NOW + 10);
    const ids = Array.from({ length: 4097 }, () => minter.mint(NOW));
    expect(ids.at(-2)).toBe(expected(NOW, 0, 4095));
    expect(ids.at(-1)).toBe(expected(NOW + 1, 0, 0));
  });

  it('begins at fromMs though the clock is behind', () => {
    expect(new IdMinter(1, NOW, NOW + 10).mint(NOW - 60_000)).toBe(expected(NOW, 1, 0));
  });

  it('stops at the horizon, by the clock or by borrowing, and goes on after extend', () => {
    const minter = new IdMinter(0, NOW, NOW + 1);
    expect(() => minter.mint(NOW + 1)).toThrow(IdHorizonError);
    for (let count = 0; count < 4096; count++) minter.mint(NOW);
    expect(() => minter.mint(NOW)).toThrow(IdHorizonError);
    minter.extend(NOW - 1);
    expect(minter.horizonMs).toBe(NOW + 1);
    minter.extend(NOW + 2);
    expect(minter.mint(NOW)).toBe(expected(NOW + 1, 0, 0));
  });

  it('refuses process numbers beyond 10 bits', () => {
    expect(() => new IdMinter(1024, NOW, NOW)).toThrow(RangeError);
    expect(() => new IdMinter(-1, NOW, NOW)).toThrow(RangeError);
  });
});

describe('firstIdAt and msOf', () => {
  it('are inverse', () => {
    expect(firstIdAt(NOW)).toBe(expected(NOW, 0, 0));
    expect(msOf(firstIdAt(NOW))).toBe(NOW);
    expect(msOf(expected(NOW, 1023, 4095))).toBe(NOW);
    expect(() => firstIdAt(EPOCH_MS - 1)).toThrow(RangeError);
  });
});
