import * as fc from 'fast-check';
import type { ApiOperation } from './document.js';
import { noObject, spoilt, wild } from './mutations.js';
import { oddContentTypes, oddHeaders, oddQueries, oddSteps } from './odd-requests.js';
import type { RawRequest } from './raw-client.js';
import type { SchemaValues } from './schemas.js';

/** A request in parts, each of which may be spoilt. Texts such as `@@messages:3@@` stand for things that exist when it is sent. */
interface Parts {
  steps: Record<string, string>;
  query: string[];
  headers: [string, string][];
  contentType: string | null;
  body: Buffer | undefined;
}

const encode = (value: unknown): string =>
  encodeURIComponent(typeof value === 'string' ? value.replaceAll(/\p{Surrogate}/gu, '\ufffd') : (JSON.stringify(value) ?? ''))
    .replaceAll('%40', '@')
    .replaceAll('%3A', ':');
/** What may stand in a header: printable ASCII. */
const headerText = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/[^\x20-\x7e]/g, '?');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

/** Requests to an operation: `good` ones as the document says, `bad` ones with something wrong somewhere. */
export class Requests {
  constructor(
    private readonly values: SchemaValues,
    private readonly adminKey: string,
  ) {}

  good(operation: ApiOperation): fc.Arbitrary<RawRequest> {
    return this.parts(operation).map((parts) => this.request(operation, parts));
  }

  bad(operation: ApiOperation): fc.Arbitrary<RawRequest> {
    const turns = this.turns(operation);
    return fc.tuple(this.parts(operation), fc.array(fc.oneof(...turns), { minLength: 1, maxLength: 2 })).map(([parts, spoil]) =>
      this.request(
        operation,
        spoil.reduce<Parts>((left, turn) => turn(left), parts),
      ),
    );
  }

  private parts({ parameters, body, path }: ApiOperation): fc.Arbitrary<Parts> {
    const named = (place: string) => parameters.filter((one) => one.in === place);
    const record = (place: string) => {
      const fields = named(place).map((one) => [one.name, this.valueOf(one.name, one.schema ?? {}, path)] as const);
      const required = named(place).flatMap(({ name, required: needed }) => (needed || place === 'path' ? [name] : []));
      return this.values.record(Object.fromEntries(fields), required);
    };
    return fc.record({
      steps: record('path').map((values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, encode(value)]))),
      query: record('query').map((values) => Object.entries(values).map(([name, value]) => `${encode(name)}=${encode(value)}`)),
      headers: record('header').map((values) =>
        Object.entries(values).map(([name, value]): [string, string] => [name.replace('*', 'x-fuzz').toLowerCase(), headerText(value)]),
      ),
      contentType: fc.constant(body?.contentType.replace('*/*', 'text/plain') ?? null),
      body: body === undefined ? fc.constant(undefined) : this.bodyOf(body),
    });
  }

  private valueOf(name: string, schema: object, path: string): fc.Arbitrary<unknown> {
    const before = /([a-z-]+)\/\{id\}/.exec(path)?.[1];
    return this.values.of(schema, name === 'id' && before ? `${before}/{id}` : name);
  }

  private bodyOf({ schema, required, contentType }: NonNullable<ApiOperation['body']>): fc.Arbitrary<Buffer | undefined> {
    if (!contentType.includes('json')) return fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    const value = this.values.of(schema).map(json);
    return required ? value : fc.oneof({ arbitrary: value, weight: 5 }, { arbitrary: fc.constant(undefined), weight: 1 });
  }

  /** Ways to spoil the parts. */
  private turns({ parameters, body, method }: ApiOperation): fc.Arbitrary<(parts: Parts) => Parts>[] {
    const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
    const inHeaders = parameters.filter((one) => one.in === 'header').map(({ name }) => name.replace('*', 'x').toLowerCase());
    const one = <T>(from: readonly T[], turn: (parts: Parts, value: T) => Parts) =>
      fc.constantFrom(...from).map((value) => (parts: Parts) => turn(parts, value));
    const some = <T>(from: fc.Arbitrary<T>, turn: (parts: Parts, value: T) => Parts) =>
      from.map((value) => (parts: Parts) => turn(parts, value));
    const turns = [
      one(oddQueries, (parts, query) => ({ ...parts, query: [...parts.query, query] })),
      one(oddHeaders, (parts, headers) => ({ ...parts, headers: [...parts.headers, ...headers] })),
    ];
    if (inPath.length > 0)
      turns.push(
        some(fc.tuple(fc.constantFrom(...inPath), fc.constantFrom(...oddSteps)), (parts, [name, step]) => ({
          ...parts,
          steps: { ...parts.steps, [name]: step },
        })),
      );
    if (inHeaders.length > 0)
      turns.push(
        some(fc.tuple(fc.constantFrom(...inHeaders), wild), (parts, [name, value]) => ({
          ...parts,
          headers: [...parts.headers, [name, headerText(value)]],
        })),
      );
    if (method === 'GET') return turns;
    turns.push(
      one(oddContentTypes, (parts, contentType) => ({ ...parts, contentType })),
      some(noObject, (parts, bytes) => ({ ...parts, contentType: parts.contentType ?? 'application/json', body: bytes })),
    );
    if (body?.contentType.includes('json')) {
      const wrong = some(spoilt(this.values.of(body.schema)), (parts, value) => ({ ...parts, body: json(value) }));
      turns.push(wrong, wrong, wrong, wrong);
    }
    return turns;
  }

  private request({ method, path }: ApiOperation, { steps, query, headers, contentType, body }: Parts): RawRequest {
    const at = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => steps[name] ?? name);
    return {
      method,
      target: query.length > 0 ? `${at}?${query.join('&')}` : at,
      headers: [
        ['authorization', `Bearer ${this.adminKey}`],
        ...(contentType === null || body === undefined ? [] : [['content-type', contentType] as const]),
        ...headers,
      ],
      body,
    };
  }
}
