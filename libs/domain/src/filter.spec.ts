import { FILTER_LIMITS, parseFilter } from './filter.js';
import { FILTERED_BODY_BYTES, FilterSubject, type Filterable, type Judgement } from './judge-filter.js';

const judge = (filter: object, { body, ...message }: Partial<Filterable> & { body?: unknown }): Judgement => {
  const parsed = parseFilter(filter);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const payload = Buffer.from(JSON.stringify(body) ?? '');
  return new FilterSubject({ type: null, contentType: null, headers: null, payload, ...message }).judge(parsed.filter);
};
const matches = (filter: object, message: Partial<Filterable> & { body?: unknown }): boolean => judge(filter, message).matches;
const problemsOf = (filter: unknown): string[] => {
  const parsed = parseFilter(filter);
  return 'problems' in parsed ? parsed.problems.map(({ field, message }) => `${field} ${message}`) : [];
};

it.each([
  ['order.*', 'order.paid', true],
  ['order.*', 'order.item.added', true],
  ['order.*', 'order.', true],
  ['order.*', 'order', false],
  ['*.paid', 'order.paid', true],
  ['*', 'x', true],
  ['a*a', 'a', false],
  ['a*b*c', 'a-c-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['a**c', 'abc', true],
  ['order.paid', 'order.paid', true],
  ['order.paid', 'order-paid', false],
])('types: %s with %s: %s', (pattern, type, expected) => {
  expect(matches({ types: ['never', pattern] }, { type })).toBe(expected);
});

it('a message without a type matches no types', () => {
  expect(matches({ types: ['*'] }, {})).toBe(false);
  expect(matches({ type: [{ exists: false }] }, {})).toBe(true);
  expect(matches({ type: [{ 'anything-but': ['x'] }] }, {})).toBe(false);
});

const body = {
  status: 'Paid',
  total: 120.5,
  tags: ['a', 'eu-west'],
  none: null,
  ok: true,
  items: [
    { sku: 'x', n: 1 },
    { sku: 'y', n: 9 },
  ],
};

it.each<[object, boolean]>([
  [{ status: ['Paid'] }, true],
  [{ status: ['paid'] }, false],
  [{ status: [{ 'equals-ignore-case': 'PAID' }] }, true],
  [{ status: [{ prefix: 'Pa' }] }, true],
  [{ status: [{ suffix: 'x' }] }, false],
  [{ status: [{ 'anything-but': 'Paid' }] }, false],
  [{ status: [{ 'anything-but': ['Open', 'Void'] }] }, true],
  [{ status: [{ 'anything-but': { prefix: 'P' } }] }, false],
  [{ total: [{ numeric: ['>', 100, '<=', 120.5] }] }, true],
  [{ total: [{ numeric: ['<', 100] }] }, false],
  [{ status: [{ numeric: ['>', 0] }] }, false],
  [{ total: ['120.5'] }, false],
  [{ total: [120.5] }, true],
  [{ none: [null] }, true],
  [{ ok: [true] }, true],
  [{ ok: ['true'] }, false],
  [{ tags: [{ wildcard: 'eu-*' }] }, true],
  [{ tags: ['b'] }, false],
  [{ missing: [{ exists: false }] }, true],
  [{ missing: { deep: [{ exists: false }] } }, true],
  [{ missing: [null] }, false],
  [{ items: [{ exists: true }] }, true],
  [{ items: { sku: ['y'], n: [{ numeric: ['>', 5] }] } }, true],
  [{ items: { sku: ['x'], n: [{ numeric: ['>', 5] }] } }, false],
  [{ $or: [{ status: ['Open'] }, { total: [{ numeric: ['>', 1] }] }] }, true],
  [{ $or: [{ status: ['Open'] }, { missing: [{ exists: true }] }] }, false],
  [{ status: ['Paid'], total: [1] }, false],
])('body %j: %s', (pattern, expected) => {
  expect(matches({ body: pattern }, { body })).toBe(expected);
});

it('asks for headers in any case, and for the content type', () => {
  const headers = JSON.stringify({ 'X-Region': 'eu' });
  expect(matches({ headers: { 'x-region': ['eu'] } }, { headers })).toBe(true);
  expect(matches({ headers: { 'X-REGION': ['us'] } }, { headers })).toBe(false);
  expect(matches({ headers: { 'Content-Type': [{ prefix: 'application/json' }] } }, { contentType: 'application/json' })).toBe(true);
  expect(matches({ headers: { constructor: [{ exists: true }] }, types: ['*'] }, { type: 'x' })).toBe(false);
});

it('needs every part, and one of $or', () => {
  const filter = { types: ['order.*'], $or: [{ headers: { 'x-region': ['eu'] } }, { body: { urgent: [true] } }] };
  expect(matches(filter, { type: 'order.paid', body: { urgent: true } })).toBe(true);
  expect(matches(filter, { type: 'order.paid', body: { urgent: false } })).toBe(false);
  expect(matches(filter, { type: 'invoice', body: { urgent: true } })).toBe(false);
});

it('a payload that is not JSON has no body fields', () => {
  const payload = Buffer.from('{"a": 1');
  expect(matches({ body: { a: [1] } }, { payload })).toBe(false);
  expect(matches({ body: { a: [{ exists: false }] } }, { payload })).toBe(true);
});

it('does not read inherited fields', () => {
  expect(matches({ body: { toString: [{ exists: true }] } }, { body: {} })).toBe(false);
  const payload = Buffer.from('{"__proto__": {"a": 1}}');
  expect(matches({ body: { a: [1] } }, { payload })).toBe(false);
  expect(matches(JSON.parse('{"body": {"__proto__": {"a": [1]}}}'), { payload })).toBe(true);
});

it('delivers what it cannot judge, and says so', () => {
  const large = { text: 'x'.repeat(FILTERED_BODY_BYTES) };
  expect(judge({ body: { a: [1] } }, { body: large })).toEqual({ matches: true, unjudged: 'body-too-large' });
  expect(judge({ types: ['y'], body: { a: [1] } }, { body: large, type: 'x' })).toEqual({ matches: false });
  const many = { list: Array.from({ length: 50_000 }, () => 0) };
  expect(judge({ body: { list: [1, 2, 3] } }, { body: many })).toEqual({ matches: true, unjudged: 'too-costly' });
  const nested = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000));
  expect(judge({ body: [1] }, { payload: nested })).toEqual({ matches: false });
});

it('spends no more on all filters of a message than on twenty of the most costly ones', () => {
  const parsed = parseFilter({ body: { list: Array.from({ length: 90 }, (_, n) => n + 1) } });
  if ('problems' in parsed) throw new Error('it should be a filter');
  const payload = Buffer.from(JSON.stringify({ list: Array.from({ length: 105 }, () => 0) }));
  const subject = new FilterSubject({ type: null, contentType: null, headers: null, payload });
  const judged = Array.from({ length: 30 }, () => subject.judge(parsed.filter).unjudged);
  expect(judged.filter((one) => one === 'too-costly')).toHaveLength(9);
});

it.each<[unknown, string]>([
  [[], 'filter must be an object'],
  [{}, 'filter must have at least one condition'],
  [{ events: ['x'] }, 'filter.events is not a part of a filter'],
  [{ types: 'x' }, 'filter.types must be a list of event types'],
  [{ types: ['x', 1] }, 'filter.types.1 must be text'],
  [{ types: [] }, 'filter.types must be a list'],
  [{ body: { a: 'x' } }, 'filter.body.a must be an object of conditions'],
  [{ body: { a: [] } }, 'filter.body.a must be a list'],
  [{ body: { a: [{ regex: '(a+)+' }] } }, 'filter.body.a.0.regex is not an operator'],
  [{ body: { a: [{ prefix: 'x', suffix: 'y' }] } }, 'filter.body.a.0 must have one operator'],
  [{ body: { a: [{}] } }, 'filter.body.a.0. is not an operator'],
  [{ body: { a: [{ numeric: ['!', 1] }] } }, 'filter.body.a.0.numeric must be one or two of'],
  [{ body: { a: [{ numeric: ['>', '1'] }] } }, 'filter.body.a.0.numeric must be one or two of'],
  [{ body: { a: [{ exists: 'yes' }] } }, 'filter.body.a.0 must be {"exists": true}'],
  [{ body: { a: [{ 'anything-but': { 'anything-but': 'x' } }] } }, 'filter.body.a.0.anything-but may not stand in itself'],
  [{ headers: { a: { b: ['x'] } } }, 'filter.headers.a must be a list'],
  [{ $or: { types: ['x'] } }, 'filter.$or must be a list of objects'],
  [{ $or: [{ types: ['x'] }, { nope: 1 }] }, 'filter.$or.1.nope is not a part'],
  [{ body: { a: ['x'.repeat(FILTER_LIMITS.textLength + 1)] } }, 'filter.body.a.0 must be text of at most'],
  [{ body: { a: Array.from({ length: FILTER_LIMITS.conditions + 1 }, (_, n) => n) } }, 'is one more than the 100 conditions'],
  [{ body: { a: Array.from({ length: 30 }, () => 'x'.repeat(200)) } }, 'filter must be at most 4096 bytes'],
  [{ body: JSON.parse('{"a":'.repeat(20) + '["x"]' + '}'.repeat(20)) }, 'is deeper than 10'],
])('refuses %j', (filter, message) => {
  expect(problemsOf(filter).join('\n')).toContain(message);
});
