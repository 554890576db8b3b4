import { statusOf } from './answer.mjs';

const head = (...lines) => `HTTP/1.1 ${lines.join('\r\n')}\r\n\r\n`;

it('waits for the whole answer', () => {
  const answer = `${head('201 Created', 'Content-Length: 5')}hello`;
  for (let length = 0; length < answer.length; length += 1) expect(statusOf(answer.slice(0, length))).toBeUndefined();
  expect(statusOf(answer)).toBe(201);
});

it('knows chunks and answers without a body', () => {
  const start = head('202 Accepted', 'Transfer-Encoding: chunked');
  expect(statusOf(`${start}5\r\nhello\r\n`)).toBeUndefined();
  expect(statusOf(`${start}5\r\nhello\r\n0\r\n\r\n`)).toBe(202);
  expect(statusOf(`${start}0\r\n\r\n`)).toBe(202);
  expect(statusOf(head('204 No Content'))).toBe(204);
});

it('takes the length from the head, not from the body', () => {
  expect(statusOf(`${head('200 OK', 'content-length: 2')}\n`)).toBeUndefined();
  expect(statusOf(`${head('500 Oops')}content-length: 0`)).toBeUndefined();
});
