import * as fc from 'fast-check';

const nested = (levels: number, open: string, close: string): string => open.repeat(levels) + close.repeat(levels);

/** Names that mean something to JavaScript, to our database, or to nobody. */
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'length',
  '',
  ' ',
  'a.b',
  '$or',
  '0',
  'ſ',
  'id',
  'x'.repeat(300),
];

const texts = [
  '',
  ' ',
  '*',
  '***',
  '.',
  '..',
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  'NaN',
  '\0',
  'a\0b',
  'a\r\nx-evil: 1',
  '\u001b[31m',
  '\ud800',
  '\ufeff',
  '\u202e',
  '💣'.repeat(50),
  'ẞ',
  "' OR 1=1 -- ",
  '%00',
  '{{7*7}}',
  '2024-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:60+23:59',
  '+275760-09-13T00:00:00.001Z',
  '18446744073709551616',
  '18446744073709551615',
  'x'.repeat(5_000),
  'é'.repeat(70_000),
];

const numbers = [0, -0, -1, 1.5, 1e-7, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 63, 1e21, 1e308, -1e308, Number.MIN_VALUE];

/** Anything but what was asked for. */
export const wild: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...texts),
  fc.constantFrom<unknown>(...numbers),
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { '': null }, [{}], { length: 1e9 }, { toString: null }),
  fc.constantFrom(...names).map((name) => Object.fromEntries([[name, name]])),
  fc.jsonValue({ maxDepth: 3 }),
);

interface Place {
  holder: Record<string, unknown> | unknown[];
  key: string;
}

/** Every field and every item of a JSON value. */
function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key])]);
}

type Change = { kind: 'replace' | 'leave out' | 'add'; at: number; name: string; value: unknown };
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'leave out', 'add'),
  at: fc.nat(1_000),
  name: fc.constantFrom(...names),
  value: wild,
});

/** A JSON value that is wrong in one or two places. `__proto__` becomes a field of its own, as a parser makes it. */
export const spoilt = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.tuple(value, fc.array(change, { minLength: 1, maxLength: 2 })).map(([start, changes]) => {
    const root = { value: JSON.parse(JSON.stringify(start ?? null)) as unknown };
    for (const { kind, at, name, value: wrong } of changes) {
      const places = placesOf(root);
      const { holder, key } = places[at % places.length]!;
      const found = (holder as Record<string, unknown>)[key];
      if (kind === 'leave out' && holder !== root) Reflect.deleteProperty(holder, key);
      else if (kind === 'add' && Array.isArray(found)) found.push(wrong);
      else if (kind === 'add' && typeof found === 'object' && found !== null)
        Object.defineProperty(found, name, { value: wrong, enumerable: true, configurable: true, writable: true });
      else (holder as Record<string, unknown>)[key] = wrong;
    }
    return root.value;
  });

/** Bodies that are no JSON object at all, or one that a parser may choke on. */
export const noObject: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .constantFrom(
      '',
      ' ',
      '{',
      '{}}',
      '[]',
      'null',
      '0',
      '"x"',
      '{"a":1,}',
      "{'a':1}",
      '{"a":NaN}',
      '\ufeff{}',
      '{"a":"\u0000"}',
      '{"a":"\\ud800"}',
      '{"__proto__":{"admin":true}}',
      '{"constructor":{"prototype":{"admin":true}}}',
      '{"a":1,"a":2}',
      `{"a":${'9'.repeat(5_000)}}`,
      nested(20_000, '[', ']'),
      `{"x":${nested(20_000, '[', ']')}}`,
      `{"payload":${nested(20_000, '[', ']')}}`,
      `{"filter":${nested(5_000, '{"$or":[', ']}')}}`,
      `{"retry":${nested(20_000, '{"a":', '}').replace('{"a":}', '{"a":1}')}}`,
      `{"message":{"payload":${nested(20_000, '[', ']')}}}`,
      `{"x":"${'y'.repeat(300_000)}"}`,
    )
    .map((text) => Buffer.from(text)),
  fc.constantFrom(Buffer.from([0xff, 0xfe, 0x00]), Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
