import { DatabaseError } from '@app/storage';
import { Batches } from './batches.js';

/** A writer whose batches end when the test says so. */
function held() {
  const batches: { items: readonly number[]; end: (error?: unknown) => void }[] = [];
  const write = (items: readonly number[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const end = (error?: unknown): void => (error === undefined ? resolve(items.map(String)) : reject(error));
      batches.push({ items, end });
    });
  return { batches, write };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from + n);

it('writes the first two at once, and what comes meanwhile together', async () => {
  const { batches, write } = held();
  const queue = new Batches(write);
  const answers = [queue.add([1]), queue.add([2]), queue.add([3, 4]), queue.add([5])];
  expect(batches.map(({ items }) => items)).toEqual([[1], [2]]);
  batches[0]!.end();
  await turn();
  expect(batches[2]!.items).toEqual([3, 4, 5]);
  for (const { end } of batches) end();
  expect(await Promise.all(answers)).toEqual([['1'], ['2'], ['3', '4'], ['5']]);
});

it('divides no group, and writes at most 500 items of several', async () => {
  const { batches, write } = held();
  const queue = new Batches(write);
  const answers = [[1], [2], numbers(0, 300), numbers(300, 300), numbers(600, 200)].map((items) => queue.add(items));
  batches[0]!.end();
  batches[1]!.end();
  await turn();
  expect(batches.map(({ items }) => items.length)).toEqual([1, 1, 300, 500]);
  for (const { end } of batches) end();
  expect((await Promise.all(answers)).map((results) => results.length)).toEqual([1, 1, 300, 300, 200]);
});

it('what the database refuses of one group does not take the others with it', async () => {
  const refuse = async (items: readonly number[]): Promise<number[]> => {
    await turn();
    if (items.includes(13)) throw new Error('no 13');
    return [...items];
  };
  const queue = new Batches(refuse);
  const answers = await Promise.allSettled([[1], [2], [3], [13], [4]].map((items) => queue.add(items)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});

it('when the database is away, all of a batch are told, once', async () => {
  const { batches, write } = held();
  const queue = new Batches(write);
  const answers = Promise.allSettled([[1], [2], [3], [4]].map((items) => queue.add(items)));
  batches[0]!.end();
  batches[1]!.end();
  await turn();
  batches[2]!.end(new DatabaseError(Object.assign(new Error('gone'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true })));
  expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(batches).toHaveLength(3);
});

it('refuses when 20000 items wait, and answers an empty group at once', async () => {
  const { batches, write } = held();
  const queue = new Batches(write);
  for (let n = 0; n < 42; n++) void queue.add(numbers(0, 500));
  expect(batches).toHaveLength(2);
  await expect(queue.add([1])).rejects.toMatchObject({ code: 'too-many-requests', retryAfterSeconds: 1 });
  expect(await queue.add([])).toEqual([]);
});
