import { report } from './report.mjs';
import { verdict } from './verdict.mjs';

const figures = {
  acceptedPerSecond: 1234.4,
  deliveredPerSecond: 1000,
  backlog: 7,
  drainSeconds: 0.25,
  acknowledged: 5000,
  missing: 0,
  left: 0,
  duplicates: 0,
  errors: 0,
  ackP50Ms: 1.25,
  ackP99Ms: 10,
  arrivalP50Ms: 2,
  arrivalP99Ms: 20,
  elsewhere: 0.01,
  cpuSeconds: { 'ingest-api': 1.5, others: 2 },
  peaksMiB: { 'ingest-api': 100.4 },
  database: { source: 'statements of this database', statementsPerMessage: 3.456, msPerMessage: 0.5 },
};
const system = {
  at: '2026-11-21T10:00:00.000Z',
  posthorn: '0.1.0',
  commit: 'a'.repeat(40),
  changed: true,
  node: 'v20',
  machine: { cpus: 2, model: 'CPU', memoryGiB: 8, system: 'linux' },
};
const database = { product: 'MariaDB', version: '10.11', from: 'private' };
const sweep = (...runs) => ({
  system,
  database,
  settings: { runs: runs.length },
  cases: [{ kind: 'throughput', shape: 'fan-out 1', runs, median: runs[0] }],
});

it('prints tables that Markdown understands, and says what the numbers belong to', () => {
  const lines = report(sweep(figures), { markdown: true }).split('\n');
  expect(lines[0]).toBe(
    `MariaDB 10.11 (private) · Node v20 · 2 × CPU, 8 GiB, linux · Posthorn 0.1.0, commit ${'a'.repeat(12)} with changes · one run · 2026-11-21`,
  );
  const row = lines.find((line) => line.startsWith('| fan-out 1'));
  expect(row.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'fan-out 1',
    '1234',
    '1000',
    '7',
    '0.3',
    '1.3',
    '10.0',
    '3.46',
    '0.50',
    'ok',
    '',
  ]);
  const table = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').length);
  expect(table.slice(0, 3)).toEqual([12, 12, 12]);
  expect(lines.some((line) => line.includes('1.5 · 100'))).toBe(true);
});

it('prints the same for a terminal without the bars', () => {
  expect(report(sweep(figures), { markdown: false })).not.toContain('|');
});

it('says which check failed, in whichever run', () => {
  const broken = { ...figures, missing: 2, duplicates: 1 };
  expect(report(sweep(figures, broken, figures), { markdown: true })).toContain('2 missing, 1 duplicates');
});

it('leaves columns out that a broker of somebody else cannot fill', () => {
  const { database: _, ...foreign } = figures;
  const results = { ...sweep(foreign), database: undefined, settings: { runs: 1, target: { url: 'http://127.0.0.1:1/' } } };
  expect(report(results, { markdown: true })).toContain('target http://127.0.0.1:1/');
  expect(report(results, { markdown: true })).not.toContain('statements each');
});

it('says when the machine was not quiet, unless that may have been the database', () => {
  const busy = { ...figures, elsewhere: 0.4 };
  const withDatabase = { ...busy, cpuSeconds: { database: 1, others: 9 } };
  expect(report(sweep(withDatabase), { markdown: true })).toContain('other programs took 40 % of it');
  expect(report(sweep(busy), { markdown: true })).not.toContain('not quiet');
});

it('fails when anything is missing, left over, or nothing was measured; duplicates and errors are told', () => {
  const failed = (changes) => verdict([figures, { ...figures, ...changes }]).failed;
  expect([failed({}), failed({ duplicates: 3, errors: 2 })]).toEqual([false, false]);
  expect([failed({ missing: 1 }), failed({ left: 1 }), verdict([{ ...figures, acknowledged: 0 }]).failed]).toEqual([true, true, true]);
  expect(verdict([figures, { ...figures, left: undefined }]).text).toBe(
    '10000 messages acknowledged, 0 deliveries missing, 0 rows left in the hot tables, 0 duplicates, 0 errors.',
  );
});
