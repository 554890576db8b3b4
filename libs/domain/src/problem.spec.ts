import { readFileSync } from 'node:fs';
import { deadReasons, errorClasses } from './next-step.js';
import { Problem, problems } from './problem.js';

it('carries the status and title of its code', () => {
  expect(new Problem('queue-full', 'come back', { retryAfterSeconds: 1 })).toMatchObject({
    code: 'queue-full',
    status: 503,
    title: problems['queue-full'].title,
    message: 'come back',
    retryAfterSeconds: 1,
  });
});

it('names a single wrong field, and each of several', () => {
  const one = { field: 'url', message: 'must be text' };
  expect(Problem.invalid([one])).toMatchObject({ code: 'validation-failed', field: 'url', detail: 'url must be text', errors: [one] });
  expect(Problem.invalid([one, { field: 'b', message: 'c' }])).toMatchObject({ field: undefined, detail: 'url must be text; b c' });
});

describe('docs/errors.md', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  /** The cells of the rows whose first one is code, of the table after a line. */
  const rowsAfter = (line: string): string[][] => {
    const rows = page.split(`\n${line}\n`)[1]!.split(/\n(?!\|)/, 2)[0]!;
    return [...rows.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map(([, name, rest]) => [name!, ...rest!.split('|').map((cell) => cell.trim())]);
  };

  it('has a row for each code, with its status, and no other', () => {
    const rows = rowsAfter('| code | status | meaning | what to do |');
    expect(Object.fromEntries(rows.map(([code, status]) => [code, Number(status)]))).toEqual(
      Object.fromEntries(Object.entries(problems).map(([code, { status }]) => [code, status])),
    );
    for (const [code, , meaning, advice] of rows) expect([code, meaning?.length, advice?.length]).not.toContain(0);
  });

  it('has every class of failed attempts and every reason of dead letters', () => {
    expect(rowsAfter('| class | meaning |').map(([name]) => name)).toEqual([...errorClasses]);
    expect(rowsAfter('| reason | meaning |').map(([name]) => name)).toEqual([...deadReasons]);
  });
});
