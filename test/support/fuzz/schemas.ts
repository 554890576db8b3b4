import * as fc from 'fast-check';

/** A JSON schema as OpenAPI 3.1 has it, as far as our documents use it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  minProperties?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  example?: unknown;
}

/** What values a field has besides those of its schema, by its name: those of things that exist, so that requests get past the first look. */
export type Hints = Readonly<Record<string, fc.Arbitrary<unknown> | undefined>>;

/** A request with every field that there is contradicts itself: optional ones come a few at a time. */
const MAX_OPTIONAL = 3;
const MAX_ITEMS = 4;
const MAX_CHARACTERS = 300;
const MAX_DEPTH = 6;
const FAR = 1_000_000;

/** Values that a schema allows. */
export class SchemaValues {
  constructor(
    private readonly schemas: Readonly<Record<string, Schema>>,
    private readonly hints: Hints,
    /** What bodies have besides what is generated, by the names of their schemas. */
    private readonly bases: Readonly<Record<string, fc.Arbitrary<object> | undefined>> = {},
  ) {}

  of(schema: Schema, name = '', depth = 0): fc.Arbitrary<unknown> {
    const hinted = this.hints[name];
    const own = this.plain(schema, depth);
    if (hinted) return fc.oneof({ arbitrary: hinted, weight: 9 }, { arbitrary: own, weight: 1 });
    return schema.example === undefined ? own : fc.oneof(fc.constant(schema.example), own);
  }

  private plain(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    if (schema.$ref) return this.named(schema.$ref.split('/').at(-1)!, depth);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return fc.oneof(...choices.map((one) => this.of(one, '', depth)));
    if (schema.allOf)
      return fc.tuple(...schema.allOf.map((one) => this.of(one, '', depth))).map((parts) => Object.assign({}, ...parts) as unknown);
    if (depth > MAX_DEPTH) return fc.constant(null);
    const types = [schema.type ?? []].flat();
    return types.length === 0 ? fc.jsonValue({ maxDepth: 2 }) : fc.oneof(...types.map((type) => this.ofType(type, schema, depth)));
  }

  private named(name: string, depth: number): fc.Arbitrary<unknown> {
    const value = this.of(this.schemas[name]!, '', depth);
    const base = this.bases[name];
    return base ? fc.tuple(value, base).map(([own, more]) => Object.assign({}, own, more)) : value;
  }

  /** All required fields, and a few of the others. */
  record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>, required: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
    const optional = Object.keys(fields).filter((name) => !required.includes(name));
    return fc
      .subarray(optional, { maxLength: Math.min(MAX_OPTIONAL, optional.length) })
      .chain((some) =>
        fc.record(Object.fromEntries([...required, ...some].flatMap((name) => (fields[name] ? [[name, fields[name]]] : [])))),
      );
  }

  private ofType(type: string, schema: Schema, depth: number): fc.Arbitrary<unknown> {
    const { minimum = -FAR, maximum = FAR, minItems = 0, maxItems = MAX_ITEMS } = schema;
    switch (type) {
      case 'null':
        return fc.constant(null);
      case 'boolean':
        return fc.boolean();
      case 'integer':
        return fc.oneof(fc.integer({ min: minimum, max: maximum }), fc.constantFrom(minimum, maximum));
      case 'number':
        return fc.oneof(fc.double({ min: minimum, max: maximum, noNaN: true }), fc.constantFrom(minimum, maximum));
      case 'string':
        return textOf(schema);
      case 'array': {
        const most = Math.min(maxItems, Math.max(MAX_ITEMS, minItems));
        const items = this.of(schema.items ?? {}, '', depth + 1);
        return schema.uniqueItems
          ? fc.uniqueArray(items, { minLength: minItems, maxLength: most, selector: (item) => JSON.stringify(item) })
          : fc.array(items, { minLength: minItems, maxLength: most });
      }
      default:
        return this.ofObject(schema, depth);
    }
  }

  private ofObject(
    { properties = {}, required = [], additionalProperties, minProperties = 0 }: Schema,
    depth: number,
  ): fc.Arbitrary<unknown> {
    const fields = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, this.of(one, name, depth + 1)]));
    const own = this.record(fields, required);
    if (Object.keys(fields).length > 0) return minProperties > 0 ? own.filter((value) => Object.keys(value).length >= minProperties) : own;
    const values = typeof additionalProperties === 'object' ? this.of(additionalProperties, '', depth + 1) : fc.jsonValue({ maxDepth: 1 });
    return fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), values, { minKeys: minProperties, maxKeys: MAX_ITEMS });
  }
}

function textOf({ minLength = 0, maxLength = MAX_CHARACTERS, pattern, format }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
  if (format === 'base64') return fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64'));
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern)).filter((text) => text.length <= maxLength);
  return fc.string({ minLength, maxLength: Math.min(maxLength, MAX_CHARACTERS), unit: 'grapheme' });
}
