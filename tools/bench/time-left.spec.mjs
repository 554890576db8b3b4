import { roughly, TimeLeft } from './time-left.mjs';

it('says times as people do', () => {
  expect([0, 12, 99, 100, 240, 5400, 7200].map(roughly)).toEqual(['5 s', '10 s', '100 s', '2 min', '4 min', '90 min', '2.0 h']);
});

it('counts down within a measurement and never below what the later ones take', () => {
  let now = 0;
  const left = new TimeLeft([60, 30, 30], () => now);
  expect(left.text()).toBe('about 2 min left');
  now = 45_000;
  expect(left.text()).toBe('about 75 s left');
  now = 900_000;
  expect(left.text()).toBe('about 60 s left');
  left.begin(2);
  now += 10_000;
  expect(left.text()).toBe('about 20 s left');
});
