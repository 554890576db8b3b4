import { byPlace, type Candidates, fromKnown, type Place, search } from './scan.js';

const place = (n: number): Place => ({ messageId: String(n), consumerId: 1 });
/** Newest first. */
const places = (count: number): Place[] => Array.from({ length: count }, (_, n) => place(count - n));

/** A list of `count` places, of which every `nth` matches; `now` moves on by a millisecond with each step. */
function listOf(count: number, nth = 1) {
  const all = places(count);
  const steps: number[] = [];
  let ms = 0;
  return {
    steps,
    now: () => ms,
    search: {
      everything: nth === 1,
      placeOf: (row: Place) => row,
      candidates: async (after: Place | undefined, most: number): Promise<Candidates> => {
        ms += 1;
        steps.push(most);
        return fromKnown(all, after, most);
      },
      matching: async (some: readonly Place[]) => some.filter(({ messageId }) => Number(messageId) % nth === 0),
    },
  };
}

const ample = { rows: 1_000_000, ms: 1_000_000 };

it('finds a page of a list of which everything matches in one step, and says when it is the last', async () => {
  const list = listOf(4);
  const first = await search(list.search, { limit: 2 }, ample, list.now);
  expect(first).toEqual({ rows: [place(4), place(3)], next: place(3) });
  expect(await search(list.search, { limit: 2, after: first.next }, ample, list.now)).toEqual({
    rows: [place(2), place(1)],
    next: undefined,
  });
  expect(list.steps).toEqual([3, 3]);
});

it('looks on, in larger steps, until it has as many as were asked for', async () => {
  const list = listOf(10_000, 1_000);
  const { rows, next } = await search(list.search, { limit: 3 }, ample, list.now);
  expect(rows.map(({ messageId }) => messageId)).toEqual(['10000', '9000', '8000']);
  expect(next).toEqual(place(8_000));
  expect(list.steps.slice(0, 3)).toEqual([256, 512, 1024]);
});

it('gives up after so many rows, with a place to go on from', async () => {
  const list = listOf(10_000, 10_001);
  expect(await search(list.search, { limit: 3 }, { ...ample, rows: 1_000 }, list.now)).toEqual({ rows: [], next: place(9_001) });
});

it('gives up before it has taken so long, and takes the smaller steps the nearer that is', async () => {
  const list = listOf(1_000_000, 1_000_001);
  const { rows, next } = await search(list.search, { limit: 3 }, { ...ample, ms: 10 }, list.now);
  expect(rows).toEqual([]);
  expect(next).toBeDefined();
  expect(list.now()).toBe(10);
  const slow = listOf(1_000_000, 1_000_001);
  await search(slow.search, { limit: 3 }, { ...ample, ms: 2.2 }, slow.now);
  // 0.2 ms are left then, enough for 56 more: too few for a step.
  expect(slow.steps).toEqual([256, 307]);
});

it('goes on behind what it has looked at when nothing was there', async () => {
  const asked: (Place | undefined)[] = [];
  const empty = {
    everything: true,
    placeOf: (row: Place) => row,
    candidates: async (after: Place | undefined): Promise<Candidates> => {
      asked.push(after);
      return asked.length === 3 ? { places: [place(1)], reached: undefined } : { places: [], reached: place(10 - asked.length) };
    },
    matching: async (some: readonly Place[]) => [...some],
  };
  expect(await search(empty, { limit: 5 }, ample)).toEqual({ rows: [place(1)], next: undefined });
  expect(asked).toEqual([undefined, place(9), place(8)]);
});

it('every page size goes through a list once', async () => {
  for (const limit of [1, 2, 7, 100]) {
    for (const nth of [1, 3, 50]) {
      const list = listOf(300, nth);
      const seen: Place[] = [];
      let after: Place | undefined;
      do {
        const { rows, next } = await search(list.search, { limit, after }, { rows: 70, ms: 1_000_000 }, list.now);
        seen.push(...rows);
        after = next;
      } while (after);
      expect(seen).toEqual(places(300).filter(({ messageId }) => Number(messageId) % nth === 0));
    }
  }
});

it('orders by message, then by consumer, both descending and as numbers', () => {
  const at = (messageId: string, consumerId: number): Place => ({ messageId, consumerId });
  expect([at('9', 2), at('10', 1), at('10', 3), at('9', 10)].toSorted(byPlace)).toEqual([
    at('10', 3),
    at('10', 1),
    at('9', 10),
    at('9', 2),
  ]);
});
