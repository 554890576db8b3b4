import { casesOf, expectedSeconds, mostSeconds } from './cases.mjs';
import { readOptions } from './options.mjs';

const cases = (...args) => casesOf(readOptions(['--dispatchers', '1', ...args]));
const most = (...args) => cases('--only', 'throughput', ...args).map(({ mostMessages }) => mostMessages);
const shapes = (...args) => casesOf(readOptions(args)).map(({ kind, shape }) => `${kind}: ${shape}`);

it('varies one thing at a time', () => {
  expect(shapes('--only', 'throughput')).toEqual([
    'throughput: fan-out 1, 512 B, 1 dispatcher',
    'throughput: fan-out 5, 512 B, 1 dispatcher',
    'throughput: fan-out 50, 512 B, 1 dispatcher',
    'throughput: fan-out 1, 64 KiB, 1 dispatcher',
    'throughput: fan-out 1, 512 B, 2 dispatchers',
    'throughput: fan-out 1, 512 B, 4 dispatchers',
  ]);
});

it('measures every combination when asked to', () => {
  const all = shapes('--every-combination', '--fan-out', '1,2', '--payload', '64,65', '--dispatchers', '1,2');
  expect(new Set(all).size).toBe(16);
});

it('does not name dispatchers of a broker that has none', () => {
  expect(shapes('--target', 'http://127.0.0.1/', '--only', 'latency')).toEqual(['latency: fan-out 1, 512 B']);
});

it('publishes no faster in a latency case than a machine can deliver, unless told to', () => {
  const gentle = cases('--only', 'latency', '--payload', '512');
  expect(gentle.map(({ rate }) => rate)).toEqual([100, 100, 20]);
  const asked = cases('--only', 'latency', '--payload', '512', '--rate', '300');
  expect(asked.map(({ rate }) => rate)).toEqual([300, 300, 300]);
});

it('bounds what a throughput case publishes, by deliveries and by bytes', () => {
  expect(most('--fan-out', '1,50', '--payload', '512')).toEqual([200_000, 4000]);
  expect(most('--fan-out', '1', '--payload', '65536')).toEqual([16_384]);
  expect(most('--fan-out', '1000', '--payload', '512', '--deliveries', '100')).toEqual([1]);
});

it('expects a case to end before it must', () => {
  const options = readOptions([]);
  for (const one of casesOf(options)) expect(expectedSeconds(one, options)).toBeLessThan(mostSeconds(one, options));
});
