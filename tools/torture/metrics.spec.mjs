import { Counters } from './metrics.mjs';

const text = (fenced, deadlocks) => `# HELP posthorn_fenced_total Late outcomes
# TYPE posthorn_fenced_total counter
posthorn_fenced_total ${fenced}
posthorn_in_flight 7
posthorn_transaction_retries_total{transaction="claim",code="1213"} ${deadlocks}
posthorn_transaction_retries_total{transaction="settle",code="1205"} 1
`;

it('adds up processes, those that are gone as they were seen last', () => {
  const counters = new Counters();
  const [first, second] = [{}, {}];
  counters.see(first, text(1, 0));
  counters.see(first, text(3, 2));
  counters.see(second, text(0, 1));
  expect(counters.sum('posthorn_fenced_total')).toBe(3);
  expect(counters.sum('posthorn_transaction_retries_total')).toBe(5);
  expect(counters.by('posthorn_transaction_retries_total', 'code')).toEqual({ 1213: 3, 1205: 2 });
  expect(counters.sum('posthorn_in_flight')).toBe(0);
});
