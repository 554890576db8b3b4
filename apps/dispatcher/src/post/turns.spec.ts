import type { Work } from '../lanes/claim-loop.js';
import { Turns } from './turns.js';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these two are read
const work = (consumerId: number, maxInFlight: number): Work => ({ target: { consumerId, maxInFlight } }) as Work;

describe('Turns', () => {
  it('lets as many of a consumer begin as may be in flight, and hands out the rest in order', () => {
    const turns = new Turns();
    const [first, second, third, fourth] = [work(1, 2), work(1, 2), work(1, 2), work(1, 2)];
    expect([first, second, third, fourth].map((one) => turns.begin(one))).toEqual([true, true, false, false]);
    expect(turns.end(1)).toBe(third);
    expect(turns.end(1)).toBe(fourth);
    expect(turns.end(1)).toBeUndefined();
    expect(turns.begin(first)).toBe(true);
    expect(turns.begin(second)).toBe(false);
  });

  it('keeps consumers apart', () => {
    const turns = new Turns();
    turns.begin(work(1, 1));
    expect(turns.begin(work(1, 1))).toBe(false);
    expect(turns.begin(work(2, 1))).toBe(true);
    expect(turns.end(2)).toBeUndefined();
    expect(turns.end(1)).toBeDefined();
  });
});
