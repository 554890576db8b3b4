import { readOptions } from './options.mjs';

it('soaks for twenty minutes at half of what is measured unless told otherwise', () => {
  expect(readOptions([])).toMatchObject({ minutes: 20, rate: undefined, share: 50, restarts: [], dispatchers: 2, sampleSeconds: 5 });
});

it('knows how dispatchers are ended', () => {
  expect(readOptions(['--restart', 'term, kill']).restarts).toEqual(['SIGTERM', 'SIGKILL']);
});

it.each([
  [['--restart', 'hug'], '--restart takes term, kill'],
  [['--restart', 'kill', '--dispatchers', '1'], '--dispatchers 2'],
  [['--minutes', '0'], '1 to 1440'],
  [['--rate', '1.5'], '--rate must be a whole number'],
])('says what is wrong with %j', (args, words) => {
  expect(() => readOptions(args)).toThrow(words);
});
