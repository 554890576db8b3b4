import { Ring } from './ring.js';

const every = (): boolean => true;

it('gives lanes their turn in order, and whoever is put back goes to the end', () => {
  const ring = new Ring();
  ring.add([1, 2, 3]);
  expect(ring.take(2, every)).toEqual([1, 2]);
  ring.add([1]);
  expect(ring.take(2, every)).toEqual([3, 1]);
});

it('keeps the place of lanes that may not run', () => {
  const ring = new Ring();
  ring.add([1, 2, 3]);
  expect(ring.take(2, (id) => id !== 1)).toEqual([2, 3]);
  expect(ring.take(2, every)).toEqual([1]);
});

it('keeps a lane that is added while it has its turn', () => {
  const ring = new Ring();
  ring.add([1]);
  ring.take(1, every);
  ring.add([1, 1]);
  expect(ring.size).toBe(1);
});
