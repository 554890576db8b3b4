import { seriesOf } from './series.mjs';

const about = { runSeconds: 300, deliveriesPerSecond: 100 };
const samples = (process) =>
  Array.from({ length: 61 }, (_, n) => ({ seconds: n * 5, processes: { dispatcher: process(n) }, backlog: 100 }));
const named = (series, name) => series.find((one) => one.name === name);

it('judges each process and the whole', () => {
  const series = seriesOf(
    samples((n) => ({ pid: 1, residentMiB: 100, handles: 20 + 2 * n })),
    about,
  );
  expect(named(series, 'dispatcher: resident MiB').verdict).toBe('flat');
  expect(named(series, 'dispatcher: handles').verdict).toBe('grows');
  expect(named(series, 'backlog').verdict).toBe('flat');
});

it('leaves out what nobody measured', () => {
  expect(
    named(
      seriesOf(
        samples(() => ({ pid: 1, residentMiB: 100 })),
        about,
      ),
      'dispatcher: open files',
    ),
  ).toBeUndefined();
});

const grown = (n) => ({ pid: n < 35 ? 1 : 2, residentMiB: n < 35 ? 50 : 150 });
const justNow = (n) => ({ pid: n < 58 ? 1 : 2, residentMiB: n });

it('judges a process that was restarted from then on', () => {
  expect(named(seriesOf(samples(grown), about), 'dispatcher: resident MiB').verdict).toBe('flat');
  expect(named(seriesOf(samples(justNow), about), 'dispatcher: resident MiB').verdict).toBe('too short');
});
