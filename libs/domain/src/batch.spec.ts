import { readBatchAnswer } from './batch-answer.js';
import { parseBatch } from './batch-settings.js';

const answer = (body: unknown) => readBatchAnswer(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

it.each(['', 'ok', '[]', '{}', '{"failures": []}', '{"failures": null}', '{"failures": [', 'null', '"failures"'])(
  '%j takes all',
  (body) => {
    expect(answer(body)).toEqual({ kind: 'taken', failures: new Map() });
  },
);

it('says which messages were not taken, and when they are wanted again', () => {
  const failures = [{ id: '1' }, { id: '2', delayMs: 1500.4 }, { id: '3', delayMs: 1e12, why: 'x' }, { id: '4', delayMs: null }];
  const expected = new Map([
    ['1', undefined],
    ['2', 1500],
    ['3', 604_800_000],
    ['4', undefined],
  ]);
  expect(answer({ failures })).toEqual({ kind: 'taken', failures: expected });
});

it.each([
  [{ failures: 'x' }],
  [{ failures: { id: '1' } }],
  [{ failures: ['1'] }],
  [{ failures: [{ id: 1 }] }],
  [{ failures: [{ id: '1', delayMs: -1 }] }],
  [{ failures: [{ id: '1', delayMs: 'soon' }] }],
])('%j is not understood', (body) => {
  expect(answer(body)).toEqual({ kind: 'invalid' });
});

it('reads the setting, and names what is wrong', () => {
  expect(parseBatch({ maxMessages: 5 })).toEqual({ batch: { maxMessages: 5, maxWaitMs: 1000 } });
  expect(parseBatch({ maxMessages: 100, maxWaitMs: 0 })).toEqual({ batch: { maxMessages: 100, maxWaitMs: 0 } });
  const fields = (value: unknown) => {
    const parsed = parseBatch(value);
    return 'problems' in parsed ? parsed.problems.map(({ field }) => field) : [];
  };
  expect(fields({ maxMessages: 101, maxWaitMs: 10_001, more: 1 })).toEqual(['batch.more', 'batch.maxMessages', 'batch.maxWaitMs']);
  expect(fields({})).toEqual(['batch.maxMessages']);
  expect(fields([])).toEqual(['batch']);
});
