import { isSecretHeader, isReservedHeader, judgeHeaders } from './headers.js';

const messages = (headers: unknown): string[] => judgeHeaders(headers).map(({ field, message }) => `${field} ${message}`);

describe('judgeHeaders', () => {
  it('takes ordinary headers', () => {
    expect(messages({})).toEqual([]);
    expect(messages({ 'X-Tenant': 'a b\tc', authorization: 'Bearer x', 'user-agent': 'Ünïon', "a!#$%&'*+.^_`|~9": '' })).toEqual([]);
    expect(messages(Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`h${index}`, 'x'])))).toEqual([]);
  });

  it.each(['', 'a b', 'a:b', 'naïve', 'a\r\nb', 'a(b)'])('refuses the name %j', (name) => {
    expect(messages({ [name]: 'x' })).toHaveLength(1);
  });

  it.each(['a\r\nb', 'a\nb', 'a\rb', 'a\0b', 'a\u001fb', '\u007f', 'snow ☃', 5, null, ['x']])('refuses the value %j', (value) => {
    expect(messages({ name: value })).toHaveLength(1);
  });

  it.each([
    'host',
    'Content-Length',
    'content-type',
    'Transfer-Encoding',
    'connection',
    'TE',
    'upgrade',
    'expect',
    'trailer',
    'keep-alive',
  ])('reserves %s', (name) => {
    expect(messages({ [name]: 'x' })).toEqual([`headers.${name} name is reserved`]);
  });

  it('reserves prefixes', () => {
    const names = ['Proxy-Authorization', 'webhook-id', 'Posthorn-Attempt', 'traceparent', 'accept-encoding'];
    expect(names.map(isReservedHeader)).toEqual(names.map(() => true));
    expect(['proxy', 'x-webhook-id', 'tracestate'].map(isReservedHeader)).toEqual([false, false, false]);
  });

  it('names every limit', () => {
    expect(messages({ ['n'.repeat(101)]: 'x' })).toEqual([expect.stringContaining('at most 100 bytes')]);
    expect(messages({ name: 'x'.repeat(2049) })).toEqual([expect.stringContaining('at most 2048 bytes')]);
    expect(messages(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((n) => [n, 'x'.repeat(2000)])))).toEqual([
      expect.stringContaining('8192'),
    ]);
    expect(messages(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`h${i}`, 'x'])))).toEqual([
      expect.stringContaining('32 headers'),
    ]);
    expect(messages({ a: '1', A: '2' })).toEqual(['headers.A name is there twice']);
    expect(['x', null, []].flatMap(messages)).toHaveLength(3);
  });
});

describe('isSecretHeader', () => {
  it.each([
    'authorization',
    'Proxy-Authorization',
    'Cookie',
    'X-API-Key',
    'x-apikey',
    'api-key',
    'Ocp-Apim-Subscription-Key',
    'X-Auth-Token',
    'x-amz-security-token',
    'X-Shared-Secret',
    'x-password',
    'X-Hub-Signature',
    'x.secret.y',
    'X-AuthToken',
    'X-Access-Token-V2',
  ])('%s is one', (name) => {
    expect(isSecretHeader(name)).toBe(true);
  });

  it.each(['x-team', 'x-environment', 'accept', 'x-author', 'x-keyboard', 'user-agent', 'x-monkey', 'x-signed-off'])(
    '%s is none',
    (name) => {
      expect(isSecretHeader(name)).toBe(false);
    },
  );
});
