import { EPOCH_MS, firstIdAt } from '@app/domain';
import { epochMs, idExpression, lastDays, rowsPerStatement, spreadOver, spreadOverDays, startOfDay, statements } from './spread.mjs';

const now = Date.UTC(2026, 10, 21, 12, 30);
const day = 86_400_000;

/** What the database would make of an id expression: only +, *, DIV, <<, |, & and brackets are in it. */
const valueOf = (expression) => {
  const whole = expression.replaceAll(/\d+/g, (digits) => `${digits}n`).replaceAll('DIV', '/');
  // oxlint-disable-next-line typescript/no-implied-eval -- of this file's own arithmetic
  return new Function(`return ${whole}`)();
};

it('counts milliseconds from the same moment as ids do', () => {
  expect(epochMs).toBe(EPOCH_MS);
});

it('spreads messages evenly over the days, today up to a minute ago, and loses none', () => {
  const spread = spreadOverDays(100, 3, now);
  expect(spread.map(({ messages }) => messages)).toEqual([33, 33, 34]);
  expect(spread.map(({ fromMs }) => fromMs)).toEqual([startOfDay(now) - 2 * day, startOfDay(now) - day, startOfDay(now)]);
  expect(spread.map(({ spanMs }) => spanMs)).toEqual([day, day, now - 60_000 - startOfDay(now)]);
});

it('leaves out days that get nothing, and is never empty for a moment after midnight', () => {
  expect(spreadOverDays(2, 3, now)).toHaveLength(1);
  expect(spreadOverDays(2, 1, startOfDay(now) + 5)[0].spanMs).toBe(1000);
});

it('knows the last days, today included', () => {
  expect(lastDays(2, now)).toEqual([startOfDay(now) - day, startOfDay(now)]);
});

it('cuts rows into statements of a bounded size', () => {
  expect(statements(0)).toEqual([]);
  expect(statements(rowsPerStatement + 1)).toEqual([
    { from: 0, rows: rowsPerStatement },
    { from: rowsPerStatement, rows: 1 },
  ]);
});

it('makes ids that ascend, differ and lie in their part', () => {
  const [part] = spreadOver(50_000, 3_600_000, now);
  const ids = Array.from({ length: 50_000 }, (_, n) => valueOf(idExpression(part, `${n}`)));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id, n) => n === 0 || id > ids[n - 1])).toBe(true);
  expect(ids[0] >= BigInt(firstIdAt(now - 3_600_000))).toBe(true);
  expect(ids.at(-1) < BigInt(firstIdAt(now - 60_000))).toBe(true);
});

it('makes ids that differ when a millisecond has several', () => {
  const part = { fromMs: now, spanMs: 10, messages: 1000 };
  expect(new Set(Array.from({ length: 1000 }, (_, n) => valueOf(idExpression(part, `${n}`)))).size).toBe(1000);
});
