import type { Work } from '../lanes/claim-loop.js';
import { Turns } from './turns.js';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these two are read
const work = (consumerId: number, maxInFlight: number): Work => ({ target: { consumerId, maxInFlight } }) as Work;

describe('Turns', () => {
  it('lets as many of a consumer begin as may be in flight, and hands out the rest in order', () => {
    const turns = new Turns(({ maxInFlight }) => maxInFlight);
    const [first, second, third, fourth] = [work(1, 2), work(1, 2), work(1, 2), work(1, 2)];
    expect([first, second, third, fourth].map((one) => turns.begin(one))).toEqual([true, true, false, false]);
    expect(turns.end(1)).toBe(third);
    expect(turns.end(1)).toBe(fourth);
    expect(turns.end(1)).toBeUndefined();
    expect(turns.begin(first)).toBe(true);
    expect(turns.begin(second)).toBe(false);
  });

  it('keeps consumers apart', () => {
    const turns = new Turns(({ maxInFlight }) => maxInFlight);
    turns.begin(work(1, 1));
    expect(turns.begin(work(1, 1))).toBe(false);
    expect(turns.begin(work(2, 1))).toBe(true);
    expect(turns.end(2)).toBeUndefined();
    expect(turns.end(1)).toBeDefined();
  });

  it('begins more when the limit grows, and none when it shrinks', () => {
    let limit = 1;
    const turns = new Turns(() => limit);
    const works = Array.from({ length: 6 }, () => work(1, 0));
    expect(works.map((one) => turns.begin(one))).toEqual([true, false, false, false, false, false]);
    limit = 3;
    expect(turns.next()).toEqual(works.slice(1, 3));
    limit = 1;
    expect([turns.end(1), turns.end(1)]).toEqual([undefined, undefined]);
    expect(turns.end(1)).toBe(works[3]);
  });

  it('gives up what waits where the limit is gone, and goes on when it comes back', () => {
    let limit = 1;
    const turns = new Turns(({ consumerId }) => (consumerId === 1 ? limit : 1));
    const works = [work(1, 0), work(1, 0), work(2, 0), work(2, 0)];
    for (const one of works) turns.begin(one);
    limit = 0;
    expect(turns.end(1)).toBeUndefined();
    expect(turns.drain((one) => one.target.consumerId !== 1)).toEqual([works[1]]);
    limit = 1;
    expect(turns.begin(works[1]!)).toBe(true);
    expect(turns.drain()).toEqual([works[3]]);
  });

  it('begins what waited while there was no limit at all', () => {
    let limit = 0;
    const turns = new Turns(() => limit);
    const [only] = [work(1, 0)];
    expect(turns.begin(only)).toBe(false);
    limit = 1;
    expect(turns.next()).toEqual([only]);
    expect(turns.end(1)).toBeUndefined();
  });
});
