import { bucketsOf, parseMetrics, quantileBetween, valueOf } from './prometheus.mjs';

const page = `# HELP posthorn_backlog Rows of a hot table
# TYPE posthorn_backlog gauge
posthorn_backlog{table="ready"} 12
posthorn_backlog{table="retry"} 3
process_resident_memory_bytes 1.5e+8
posthorn_claim_seconds_bucket{le="0.01"} 90
posthorn_claim_seconds_bucket{le="0.1"} 100
posthorn_claim_seconds_bucket{le="+Inf"} 100
`;

it('reads the values of a page, with or without labels', () => {
  const samples = parseMetrics(page);
  expect(valueOf(samples, 'process_resident_memory_bytes')).toBe(150_000_000);
  expect(valueOf(samples, 'posthorn_backlog')).toBe(15);
  expect(valueOf(samples, 'posthorn_backlog', { table: 'retry' })).toBe(3);
  expect(valueOf(samples, 'posthorn_nothing')).toBeUndefined();
  expect(bucketsOf(samples, 'posthorn_claim_seconds')).toEqual([
    [0.01, 90],
    [0.1, 100],
    [Infinity, 100],
  ]);
});

const histogram = (...counts) => counts.map((count, n) => [[0.01, 0.1, Infinity][n], count]);

it('takes the quantile of what came between two looks', () => {
  expect(quantileBetween(histogram(90, 90, 90), histogram(190, 190, 190), 0.5)).toBeCloseTo(0.005);
  expect(quantileBetween(histogram(0, 0, 0), histogram(50, 100, 100), 0.75)).toBeCloseTo(0.055);
  expect(quantileBetween(histogram(5, 5, 5), histogram(5, 5, 5), 0.99)).toBeUndefined();
  expect(quantileBetween([], [], 0.99)).toBeUndefined();
});

it('counts all that a process has which was restarted in between', () => {
  expect(quantileBetween(histogram(1000, 1000, 1000), histogram(10, 10, 10), 0.5)).toBeCloseTo(0.005);
});

it('says no more than the largest limit for what lies beyond it', () => {
  expect(quantileBetween([], histogram(0, 0, 10), 0.99)).toBe(0.1);
});
