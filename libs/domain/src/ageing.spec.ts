import { Ageing } from './ageing.js';

/** Which of so many turns took the oldest first. */
function agedTurns(ageing: Ageing, lane: number, full: boolean[]): number[] {
  return full.flatMap((one, turn) => {
    const oldestFirst = ageing.isDue(lane);
    ageing.turned(lane, { oldestFirst, full: one });
    return oldestFirst ? [turn] : [];
  });
}
const always = Array.from({ length: 30 }, () => true);

it('takes the oldest first in every tenth turn of a lane that always has more', () => {
  expect(agedTurns(new Ageing(), 1, always)).toEqual([9, 19, 29]);
});

it('does not in a lane that runs empty before', () => {
  expect(
    agedTurns(
      new Ageing(),
      1,
      always.map((_, turn) => turn % 9 !== 0),
    ),
  ).toEqual([]);
});

it('counts the turns of each lane apart', () => {
  const ageing = new Ageing();
  agedTurns(ageing, 1, always.slice(0, 9));
  expect([ageing.isDue(1), ageing.isDue(2)]).toEqual([true, false]);
});
