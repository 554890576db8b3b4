import { Bag, type Bagged } from './bag.js';

it('has what was put in and not taken out, whatever the order', () => {
  const bag = new Bag<Bagged & { name: string }>();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name }));
  for (const one of [a!, b!, c!]) bag.add(one);
  bag.remove(a!);
  bag.remove(a!);
  expect([...bag]).toEqual(expect.arrayContaining([b, c]));
  expect([...bag]).toHaveLength(2);
  bag.add(a!);
  bag.remove(c!);
  bag.remove(b!);
  expect([...bag]).toEqual([a]);
  bag.remove(a!);
  expect([...bag]).toEqual([]);
});

it('may be emptied while it is looked through', () => {
  const bag = new Bag<Bagged>();
  for (let n = 0; n < 5; n++) bag.add({});
  let seen = 0;
  for (const one of bag) {
    bag.remove(one);
    seen++;
  }
  expect(seen).toBe(5);
  expect([...bag]).toEqual([]);
});
