import { readOptions } from './options.mjs';

it('has the sizes of the published figures unless told otherwise', () => {
  expect(readOptions([])).toMatchObject({
    rows: [1000, 1_000_000, 20_000_000],
    backlog: 4_000_000,
    consumers: 10_000,
    active: 1000,
    snapshotSeconds: 120,
    seconds: 60,
    most: 1.5,
    only: [],
  });
});

it('takes lists', () => {
  expect(readOptions(['--rows', '1000, 5000', '--only', 'rows,snapshot'])).toMatchObject({
    rows: [1000, 5000],
    only: ['rows', 'snapshot'],
  });
});

it.each([
  [['--rows', '1000,many'], '--rows'],
  [['--seconds', '1'], '5 to 600'],
  [['--only', 'everything'], '--only takes rows, backlog, consumers, snapshot'],
  [['--most', '0.5'], '--most'],
  [['--consumers', '10', '--active', '20'], '--active'],
  [['--nonsense'], 'nonsense'],
])('says what is wrong with %j', (args, words) => {
  expect(() => readOptions(args)).toThrow(words);
});
