import { medians, percentile, tally } from './figures.mjs';

const load = (messages, window = { from: 100, until: 200 }) => ({
  ...window,
  numbers: messages.map(({ number }) => number),
  paths: messages.map(({ path = 0 }) => path),
  times: messages.flatMap(({ due, acked }) => [due, acked]),
  late: [],
  errors: {},
});
const consumer = (arrivals, duplicates = 0) => ({
  path: '/1',
  duplicates,
  numbers: arrivals.map(([number]) => number),
  times: arrivals.map(([, at]) => at),
});
const sink = (...consumers) => ({ consumers, strangers: 0 });

it('takes the value below which a share of the numbers lies', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1), percentile([7], 0.99)]).toEqual([50, 99, 100, 7]);
  expect(percentile([], 0.5)).toBeUndefined();
});

it('takes the median of every number, however deep, and passes over what a run has not', () => {
  const runs = [
    { rate: 1, cpu: { ingest: 4 }, source: 'a', top: [1] },
    { rate: 9, cpu: { ingest: 2 }, source: 'b', top: [2] },
    { rate: 2, cpu: { ingest: 3, other: 5 }, source: 'c', top: [3] },
  ];
  expect(medians(runs)).toEqual({ rate: 2, cpu: { ingest: 3, other: 5 }, source: 'a', top: [1] });
  expect(medians([1, 2])).toBe(1.5);
});

it('counts for rates and latencies only what was acknowledged while measuring', () => {
  const messages = [
    { number: 0, due: 90, acked: 95 },
    { number: 1, due: 110, acked: 114 },
    { number: 2, due: 150, acked: 158 },
    { number: 3, due: 199, acked: 205 },
  ];
  const arrivals = consumer([0, 1, 2, 3].map((number) => [number, 96 + number * 30]));
  const figures = tally(load(messages), sink(arrivals), [1]);
  expect(figures).toMatchObject({ seconds: 0.1, acceptedPerSecond: 20, deliveredPerSecond: 30, acknowledged: 4, ackP50Ms: 4, ackP99Ms: 8 });
  expect([figures.arrivalP50Ms, figures.arrivalP99Ms]).toEqual([6, 16]);
});

it('tells what was owed when the load ended, and how long it took to arrive', () => {
  const messages = [1, 2, 3].map((number) => ({ number, due: 110, acked: 120 }));
  const arrivals = consumer([
    [1, 130],
    [2, 1200],
    [3, 2200],
  ]);
  expect(tally(load(messages), sink(arrivals), [1])).toMatchObject({ backlog: 2, drainSeconds: 2, missing: 0 });
});

it('misses every delivery that did not come, at consumers that were never heard of too', () => {
  const messages = [1, 2].map((number) => ({ number, due: 110, acked: 120 }));
  expect(tally(load(messages), sink(consumer([[1, 130]])), [1]).missing).toBe(1);
  expect(tally(load(messages), sink(consumer([[1, 130]])), [3]).missing).toBe(5);
  expect(tally(load(messages), sink(), [2]).missing).toBe(4);
});

it('sets nothing off against what is missing: neither duplicates nor messages that were never acknowledged', () => {
  const messages = [1, 2].map((number) => ({ number, due: 110, acked: 120 }));
  const arrivals = consumer(
    [
      [1, 130],
      [77, 131],
    ],
    5,
  );
  expect(tally(load(messages), sink(arrivals), [1])).toMatchObject({ missing: 1, duplicates: 5, acknowledged: 2 });
});

it('leaves messages out that are published only to keep others company', () => {
  const messages = [
    { number: 1, due: 110, acked: 120 },
    { number: 2, path: 1, due: 110, acked: 120 },
  ];
  const figures = tally(load(messages), sink(consumer([[1, 130]])), [1, 0]);
  expect(figures).toMatchObject({ acknowledged: 1, missing: 0, acceptedPerSecond: 10 });
});
