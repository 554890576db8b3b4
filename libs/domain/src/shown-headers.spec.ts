import { headerPairs, responsePairs, SHOWN_HEADERS, shownHeaders } from './shown-headers.js';

it('masks what authorizes, and shows signatures and the rest', () => {
  const sent = [
    'content-type',
    'text/plain',
    'webhook-signature',
    'v1,abc',
    'posthorn-key',
    'k',
    'traceparent',
    '00-1',
    'authorization',
    'Bearer x',
    'Cookie',
    'a=b',
    'X-Api-Key',
    'secret',
    'X-Tenant',
    'blue',
    'X-Hub-Signature',
    'sha256=1',
  ];
  expect(shownHeaders(headerPairs(sent), ['x-hub-signature'])).toEqual({
    'content-type': 'text/plain',
    'webhook-signature': 'v1,abc',
    'posthorn-key': 'k',
    traceparent: '00-1',
    authorization: '***',
    Cookie: '***',
    'X-Api-Key': '***',
    'X-Tenant': 'blue',
    'X-Hub-Signature': 'sha256=1',
  });
});

it('puts several values of a name together, and masks cookies that are set', () => {
  expect(shownHeaders(responsePairs({ via: ['a', 'b'], 'set-cookie': ['s=1', 't=2'], server: 'x', none: undefined }))).toEqual({
    via: 'a, b',
    'set-cookie': '***',
    server: 'x',
  });
});

it('cuts long values and leaves out what does not fit', () => {
  const long = 'x'.repeat(5_000);
  const shown = shownHeaders(Array.from({ length: 40 }, (_, n) => [`h${n}`, long] as const));
  expect(shown['h0']).toHaveLength(SHOWN_HEADERS.valueBytes);
  expect(shown['h0']?.endsWith('x…')).toBe(true);
  expect(Object.keys(shown)).toHaveLength(7);
});

it('takes a header named like a property of all objects for a header', () => {
  expect(JSON.stringify(shownHeaders([['__proto__', 'x']]))).toBe('{"__proto__":"x"}');
});
