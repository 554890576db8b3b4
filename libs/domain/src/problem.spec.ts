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
