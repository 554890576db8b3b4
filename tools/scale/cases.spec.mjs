import { estimateSeconds, measuringSeconds, planCases, short, turnsOf } from './cases.mjs';

const options = {
  rows: [20_000_000, 1000, 1_000_000],
  backlog: 4_000_000,
  consumers: 10_000,
  active: 1000,
  snapshotSeconds: 120,
  seconds: 60,
  only: [],
};

it('compares each case with the smallest, from which it differs in one thing', () => {
  const { small, cases } = planCases(options);
  expect(small).toMatchObject({ kind: 'small', name: '1 k deliveries', rows: 1000, backlog: 0, consumers: 2, snapshotSeconds: 0 });
  expect(cases.map(({ name }) => name)).toEqual([
    '1 M deliveries',
    '20 M deliveries',
    '4 M waiting in one lane',
    '10 k consumers, 1 k active',
    'snapshot held for 120 s',
  ]);
  expect(cases.map(({ rows }) => rows)).toEqual([1_000_000, 20_000_000, 1000, 1000, 1000]);
});

it('leaves out what is not wanted, and what has no size', () => {
  expect(planCases({ ...options, only: ['backlog'] }).cases.map(({ kind }) => kind)).toEqual(['backlog']);
  const none = { ...options, rows: [1000], backlog: 0, consumers: 0, snapshotSeconds: 0 };
  expect(planCases(none).cases).toEqual([]);
});

it('gives both sides the same time, in turns', () => {
  const turns = turnsOf({ seconds: 25, snapshotSeconds: 0 });
  expect(turns.map(({ side }) => side)).toEqual(['small', 'case', 'small', 'case', 'small', 'case']);
  expect(turns.filter(({ side }) => side === 'case').reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(25);
});

it('measures the end of the time for which a snapshot is held, and the small case outside of it', () => {
  const turns = turnsOf({ seconds: 60, snapshotSeconds: 120 });
  expect(turns.map(({ side }) => side)).toEqual(['small', 'case', 'small']);
  expect(turns[1]).toMatchObject({ warmUpSeconds: 60, seconds: 60 });
});

it('never measures longer than a snapshot is held', () => {
  const [one] = planCases({ ...options, seconds: 60, snapshotSeconds: 10, only: ['snapshot'] }).cases;
  expect(turnsOf(one)[1]).toMatchObject({ warmUpSeconds: 2, seconds: 10 });
});

it('expects more rows to take longer', () => {
  const { small, cases } = planCases(options);
  expect(estimateSeconds(small)).toBeGreaterThan(measuringSeconds(small));
  expect(estimateSeconds(cases[1])).toBeGreaterThan(estimateSeconds(cases[0]) + 300);
});

it('names sizes shortly', () => {
  expect([500, 1000, 1500, 20_000_000, 1234].map(short)).toEqual(['500', '1 k', '1.5 k', '20 M', '1234']);
});
