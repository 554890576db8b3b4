import { parseRetryPolicy } from './parse-retry-policy.js';
import { isPermanent, parsePermanentStatuses } from './permanent-statuses.js';

it('takes codes and classes, and classes without those that ask to be tried again', () => {
  const permanent = (statuses: Parameters<typeof isPermanent>[0]) =>
    [302, 404, 408, 425, 429, 500, 503].filter((code) => isPermanent(statuses, code));
  expect(permanent([])).toEqual([]);
  expect(permanent([404, 500])).toEqual([404, 500]);
  expect(permanent(['4xx'])).toEqual([404]);
  expect(permanent(['3xx', '5xx', 429])).toEqual([302, 429, 500]);
});

it('names every entry that is neither', () => {
  const wrong = [200, 299, 600, 404.5, '404', '2xx', null];
  expect(parsePermanentStatuses(wrong, 'f')).toEqual({ problems: wrong.map((_one, n) => expect.objectContaining({ field: `f.${n}` })) });
  expect(parsePermanentStatuses('4xx', 'f')).toMatchObject({ problems: [{ field: 'f' }] });
  expect(
    parsePermanentStatuses(
      Array.from({ length: 51 }, () => 400),
      'f',
    ),
  ).toMatchObject({ problems: [{ field: 'f' }] });
});

it('stands in both forms of a policy, and beside their problems', () => {
  expect(parseRetryPolicy({ delays: [1], permanentStatuses: [400, 400, '5xx'] })).toEqual({
    policy: { delays: [1], permanentStatuses: [400, '5xx'] },
  });
  expect(parseRetryPolicy({ attempts: 2, permanentStatuses: [] })).toMatchObject({ policy: { attempts: 2, permanentStatuses: [] } });
  expect(parseRetryPolicy({ attempts: 0, permanentStatuses: [1] })).toMatchObject({
    problems: [{ field: 'retry.attempts' }, { field: 'retry.permanentStatuses.0' }],
  });
});
