import { elementsOf, memberOf } from './json-slices.js';

it('answers elements as they were written', () => {
  const text = ' [ 1.0 ,"a,]\\"\\\\" , {"b" : [ {} , [] ]},[1, 2],12345678901234567890123, true,null ,"\\u0041"] ';
  const elements = elementsOf(text);
  expect(elements).toEqual([
    '1.0',
    '"a,]\\"\\\\"',
    '{"b" : [ {} , [] ]}',
    '[1, 2]',
    '12345678901234567890123',
    'true',
    'null',
    '"\\u0041"',
  ]);
  expect(elements.map((element) => JSON.parse(element) as unknown)).toEqual(JSON.parse(text));
  expect(elementsOf('[]')).toEqual([]);
  expect(elementsOf(' [ ] ')).toEqual([]);
});

it('answers the member that JSON.parse takes', () => {
  const object = '{ "a" : {"payload":"inner"} , "payload": 1 ,"b":"\\"payload\\":2", "pay\\u006coad" : [ 3.10 ] }';
  expect(memberOf(object, 'payload')).toBe('[ 3.10 ]');
  expect(JSON.parse(object)).toHaveProperty('payload', [3.1]);
  expect(memberOf(object, 'a')).toBe('{"payload":"inner"}');
  expect(memberOf(object, 'inner')).toBeUndefined();
  expect(memberOf('{}', 'payload')).toBeUndefined();
  expect(memberOf('{"payload":1}', 'payload')).toBe('1');
  expect(memberOf('{"__proto__":{"payload":1}}', 'payload')).toBeUndefined();
});

it('takes any depth', () => {
  const deep = '['.repeat(500_000) + ']'.repeat(500_000);
  expect(elementsOf(`[${deep},1]`)).toEqual([deep, '1']);
  expect(memberOf(`{"payload":${deep}}`, 'payload')).toBe(deep);
});

it('takes time that grows with the length alone', () => {
  const backslashes = JSON.stringify('\\'.repeat(500_000));
  const quotes = JSON.stringify('"'.repeat(500_000));
  expect(elementsOf(`[${backslashes},${quotes}]`)).toEqual([backslashes, quotes]);
});
