import { asMarkdown } from '../bench/draw.mjs';
import { kinds } from './schedule.mjs';

const shownViolations = 20;
const errorNames = { 1205: 'lock wait timeout', 1213: 'deadlock' };

const total = (numbers) => Object.values(numbers).reduce((sum, number) => sum + number, 0);

/** What a run counted, as a table that is Markdown and reads well in a terminal. */
export function countsTable({ counts, duplicates, counted, faults, violations }) {
  const rows = [
    ['published', counts.published],
    ['acknowledged', counts.acknowledged],
    ['· repeats answered with the first id', counts.repeats],
    ['· repeats with another body, refused', counts.conflicts],
    ['· tries answered 5xx', counts.failed],
    ['· tries without an answer', counts.unanswered],
    ['deliveries', counts.deliveries],
    ['delivered', counts.delivered],
    ['lost', counts.lost],
    ['unexpected', counts.unexpected],
    ['attempts', counts.attempts],
    ['· leases expired', counts.leasesExpired],
    ['duplicates', total(duplicates)],
    ...Object.entries(duplicates).map(([reason, count]) => [`· ${reason}`, count]),
    ['fenced outcomes', counted.fenced],
    ['dead letters', counted.dead],
    ['· redriven', counted.redriven],
    ['repaired by the fail-safe', counted.repaired],
    ['transactions run again', total(counted.transactionRetries)],
    ...Object.entries(counted.transactionRetries).map(([code, count]) => [`· ${errorNames[code] ?? code}`, count]),
    ...serverRows(counted.database),
    ['faults', faults.length],
    ...kinds.map((kind) => [`· ${kind}`, faults.filter((fault) => fault.kind === kind).length]),
    ['starts that failed and were repeated', counted.failedStarts],
    ['connections cut', faults.reduce((sum, { cuts = 0 }) => sum + cuts, 0)],
    ['violations', violations.length],
  ];
  return asMarkdown(
    ['', 'count'],
    rows.map(([name, count]) => [name, String(count)]),
  );
}

function serverRows({ deadlocks, lockWaitTimeouts, rowLockWaits, rowLockWaitMs }) {
  const rows = [
    ['deadlocks, by the server', deadlocks],
    ['lock wait timeouts, by the server', lockWaitTimeouts],
    ['row lock waits, by the server', rowLockWaits],
    ['· ms in all', rowLockWaitMs],
  ];
  return rows.filter(([, value]) => value !== undefined);
}

/** The first violations, a line for each, and how many there are by rule. */
export function violationLines(violations) {
  const byRule = {};
  for (const { rule } of violations) byRule[rule] = (byRule[rule] ?? 0) + 1;
  return [
    ...violations.slice(0, shownViolations).map(({ rule, text }) => `✗ ${rule}: ${text}`),
    ...(violations.length > shownViolations ? [`  … and ${violations.length - shownViolations} more`] : []),
    Object.entries(byRule)
      .map(([rule, count]) => `${count} × ${rule}`)
      .join(', '),
  ];
}
