import { readOptions } from './options.mjs';

const read = (...args) => readOptions(args, {});

it('has sensible defaults, and a seed that can be told', () => {
  expect(read()).toMatchObject({ minutes: 5, rate: 30, ingests: 2, dispatchers: 2, schedulers: 2, consumers: 120, build: true });
  expect(Number.isInteger(read().seed)).toBe(true);
});

it('takes what is given', () => {
  expect(read('--minutes', '0.5', '--seed', '7', '--dispatchers', '3', '--no-build')).toMatchObject({
    minutes: 0.5,
    seed: 7,
    dispatchers: 3,
    build: false,
  });
});

it.each([
  [['--minutes', 'x'], '--minutes must be a number, 0.1 to 1440'],
  [['--minutes', '-1'], "'--minutes"],
  [['--seed', '1.5'], '--seed must be a whole number, 0 to 4294967295'],
  [['--rate', '1000'], '--rate must be a whole number, 1 to 200'],
  [['--dispatchers', '0'], '--dispatchers must be a whole number, 1 to 8'],
  [['--consumers', '100'], '--consumers must be a whole number, 101 to 1000'],
  [['--minutes', '1440', '--rate', '200'], 'the checker takes at most 500000'],
  [['--sed', '1'], "Unknown option '--sed'"],
])('refuses %j', (args, message) => {
  expect(() => read(...args)).toThrow(message);
});

it('refuses a server beside DATABASE_URL', () => {
  expect(() => readOptions(['--server', 'x'], { DATABASE_URL: 'mysql://a@b/c' })).toThrow('--server and DATABASE_URL exclude each other');
});
