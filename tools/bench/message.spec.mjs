import { newTag, numberFinder, Request } from './message.mjs';

const tag = 'abcd1234';
const request = (order) =>
  new Request({ url: 'http://127.0.0.1:81', path: '/in', headers: {}, payload: 128, body: '{payload}', tag, ...order });
const partsOf = (bytes) => String(bytes).split('\r\n\r\n');

it('makes a request whose payload has the size that was asked for', () => {
  const [head, body] = partsOf(request({ headers: { Authorization: 'Bearer x' } }).bytes(42));
  expect(head.split('\r\n')).toEqual([
    'POST /in HTTP/1.1',
    'Host: 127.0.0.1:81',
    'Content-Type: application/json',
    'Authorization: Bearer x',
    'Content-Length: 128',
  ]);
  expect(JSON.parse(body)).toEqual({ bench: 'abcd1234:000000000042', data: expect.stringMatching(/^x+$/) });
  expect(body).toHaveLength(128);
});

it('numbers each request and leaves the others as they are', () => {
  const one = request();
  const [first, second] = [one.bytes(1), one.bytes(2)];
  const find = numberFinder(tag);
  expect([find(String(first)), find(String(second))]).toEqual([1, 2]);
  expect(String(first).replace('000000000001', '000000000002')).toBe(String(second));
});

it('puts the payload where a broker wants it, and tells the length in bytes', () => {
  const [head, body] = partsOf(request({ body: '{"ü":{payload},"n":1}' }).bytes(7));
  expect(JSON.parse(body)).toMatchObject({ ü: { bench: 'abcd1234:000000000007' }, n: 1 });
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
});

it('finds a number once it is complete, quoted in other JSON too, and none of another run', () => {
  const find = numberFinder(tag);
  const body = partsOf(request().bytes(123_456))[1];
  expect(find(body.slice(0, 25))).toBeUndefined();
  expect(find(body)).toBe(123_456);
  expect(find(JSON.stringify({ wrapped: body }))).toBe(123_456);
  expect(numberFinder('zzzz9999')(body)).toBeUndefined();
});

it('makes tags of one length', () => {
  for (let count = 0; count < 1000; count += 1) expect(newTag()).toMatch(/^[a-z0-9]{8}$/);
});
