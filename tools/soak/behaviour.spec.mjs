import { answerOf, readBehaviour } from './behaviour.mjs';

const request = { count: 1, sinceMs: 0, fate: 0.5, patience: 0.5 };

it('answers 200 at once unless told otherwise', () => {
  const behaviour = readBehaviour('/steady');
  expect(behaviour.name).toBe('/steady');
  expect(answerOf(behaviour, { ...request, fate: 0 })).toEqual({ status: 200, afterMs: 0 });
});

it('takes its time', () => {
  expect(answerOf(readBehaviour('/slow?afterMs=20&spreadMs=100'), request)).toEqual({ status: 200, afterMs: 70 });
});

it('hangs and fails as often as it should, in several ways', () => {
  const behaviour = readBehaviour('/moody?hangPercent=10&failPercent=20');
  const answer = (fate, count) => answerOf(behaviour, { ...request, fate, count }).status;
  expect([answer(0.09, 1), answer(0.11, 0), answer(0.11, 1), answer(0.29, 2), answer(0.31, 1)]).toEqual([undefined, 500, 503, 429, 200]);
});

it('goes away at the end of each period, and comes back', () => {
  const behaviour = readBehaviour('/away?downEverySeconds=90&downForSeconds=10');
  const at = (seconds) => answerOf(behaviour, { ...request, sinceMs: seconds * 1000 }).status;
  expect([0, 79, 80, 89, 90, 170].map(at)).toEqual([200, 200, 503, 503, 200, 503]);
});
