import { equals, equalsIgnoreCase, numeric, prefix, suffix, type Test, wildcard } from './filter-tests.js';
import type { FieldProblem } from './problem.js';
import { isRecord } from './records.js';

/** The bytes are of the filter as JSON, the depth is of its objects and lists. */
export const FILTER_LIMITS = { bytes: 4096, depth: 10, conditions: 100, textLength: 256 } as const;

/** A filter as it is stored: checked JSON in the form of an EventBridge event pattern, see docs/filters.md. */
export type FilterJson = object;

/** A filter, ready to be asked. */
export type FilterNode =
  | { readonly kind: 'all' | 'any'; readonly nodes: readonly FilterNode[] }
  | { readonly kind: 'field'; readonly name: string; readonly node: FilterNode }
  | { readonly kind: 'leaf'; readonly tests: readonly Test[]; readonly exists: boolean; readonly absent: boolean };

export type ParsedFilter = { filter: FilterNode } | { problems: FieldProblem[] };

/** The names at the top of a filter. */
const PARTS = ['types', 'type', 'headers', 'body', '$or'];

/** Reads a filter from JSON. Every problem is named by its place under `field`. */
export function parseFilter(value: unknown, field = 'filter'): ParsedFilter {
  if (!isRecord(value)) return { problems: [{ field, message: `must be an object with ${PARTS.join(', ')}` }] };
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size > FILTER_LIMITS.bytes) return { problems: [{ field, message: `must be at most ${FILTER_LIMITS.bytes} bytes of JSON` }] };
  const reader = new Reader();
  const filter = reader.root(value, field, 1);
  return reader.problems.length > 0 ? { problems: reader.problems } : { filter };
}

const NOTHING: FilterNode = { kind: 'all', nodes: [] };

class Reader {
  readonly problems: FieldProblem[] = [];
  private conditions = 0;

  root(value: unknown, field: string, depth: number): FilterNode {
    return this.object(value, field, depth, (name, part, place) => {
      if (name === 'types') return this.types(part, place);
      if (name === 'type') return this.under('type', this.leaf(part, place, depth + 1));
      if (name === 'headers') return this.under('headers', this.headers(part, place, depth + 1));
      if (name === 'body') return this.under('body', this.pattern(part, place, depth + 1));
      if (name === '$or') return this.or(part, place, depth + 1, (one, at, deep) => this.root(one, at, deep));
      return this.wrong(place, `is not a part of a filter: it has ${PARTS.join(', ')}`);
    });
  }

  private types(value: unknown, field: string): FilterNode {
    const tests = this.list(value, field, 'must be a list of event types, such as "order.*"').map((one, at) => {
      if (typeof one === 'string' && one !== '' && one.length <= FILTER_LIMITS.textLength) return this.count(wildcard(one), field);
      this.wrong(`${field}.${at}`, `must be text of 1 to ${FILTER_LIMITS.textLength} characters; * stands for any`);
      return never;
    });
    return this.under('type', { kind: 'leaf', tests, exists: false, absent: false });
  }

  private headers(value: unknown, field: string, depth: number): FilterNode {
    return this.object(value, field, depth, (name, part, place) =>
      name === '$or'
        ? this.or(part, place, depth + 1, (one, at, deep) => this.headers(one, at, deep))
        : this.under(name.toLowerCase(), this.leaf(part, place, depth + 1)),
    );
  }

  /** An object of fields, or a list of what a value may be. */
  private pattern(value: unknown, field: string, depth: number): FilterNode {
    if (Array.isArray(value)) return this.leaf(value, field, depth);
    return this.object(value, field, depth, (name, part, place) =>
      name === '$or'
        ? this.or(part, place, depth + 1, (one, at, deep) => this.pattern(one, at, deep))
        : this.under(name, this.pattern(part, place, depth + 1)),
    );
  }

  private or(value: unknown, field: string, depth: number, read: (one: unknown, field: string, depth: number) => FilterNode): FilterNode {
    const alternatives = this.list(value, field, 'must be a list of objects, of which one has to match');
    return { kind: 'any', nodes: alternatives.map((one, at) => read(one, `${field}.${at}`, depth + 1)) };
  }

  private leaf(value: unknown, field: string, depth: number): FilterNode {
    if (depth > FILTER_LIMITS.depth) return this.tooDeep(field);
    const tests: Test[] = [];
    let exists = false;
    let absent = false;
    for (const [at, one] of this.list(value, field, 'must be a list of what it may be, such as ["paid"]').entries()) {
      const place = `${field}.${at}`;
      if (isRecord(one) && 'exists' in one) {
        this.count(never, place);
        if (Object.keys(one).length !== 1 || typeof one.exists !== 'boolean')
          this.wrong(place, 'must be {"exists": true} or {"exists": false}');
        else if (one.exists) exists = true;
        else absent = true;
      } else tests.push(this.count(isRecord(one) ? this.operator(one, place) : this.plain(one, place), place));
    }
    return { kind: 'leaf', tests, exists, absent };
  }

  private plain(value: unknown, field: string): Test {
    if (value === null || typeof value === 'boolean' || typeof value === 'number') return equals(value);
    const text = this.text(value, field);
    return text === undefined ? never : equals(text);
  }

  private operator(value: Record<string, unknown>, field: string): Test {
    const [[name, operand] = ['', undefined], ...others] = Object.entries(value);
    if (others.length > 0) return this.refused(field, 'must have one operator');
    const place = `${field}.${name}`;
    if (name === 'numeric')
      return numeric(operand) ?? this.refused(place, 'must be one or two of =, <, <=, >, >= with a number, such as [">", 0, "<=", 5]');
    if (name === 'anything-but') return this.anythingBut(operand, place);
    const textTest = textTests.get(name);
    if (!textTest) return this.refused(place, `is not an operator: there are ${OPERATORS}`);
    const text = this.text(operand, place);
    return text === undefined ? never : textTest(text);
  }

  private anythingBut(operand: unknown, field: string): Test {
    if (isRecord(operand) && 'anything-but' in operand) return this.refused(field, 'may not stand in itself');
    const given = Array.isArray(operand) ? this.list(operand, field, 'must be a list') : [operand];
    const tests = given.map((one, at) => {
      const place = Array.isArray(operand) ? `${field}.${at}` : field;
      return this.count(isRecord(one) && !Array.isArray(operand) ? this.operator(one, place) : this.plain(one, place), place);
    });
    return (value) => !tests.some((test) => test(value));
  }

  private object(
    value: unknown,
    field: string,
    depth: number,
    read: (name: string, part: unknown, field: string) => FilterNode,
  ): FilterNode {
    if (depth > FILTER_LIMITS.depth) return this.tooDeep(field);
    if (!isRecord(value)) return this.wrong(field, 'must be an object of conditions');
    const entries = Object.entries(value);
    if (entries.length === 0) return this.wrong(field, 'must have at least one condition');
    return { kind: 'all', nodes: entries.map(([name, part]) => read(name, part, `${field}.${shown(name)}`)) };
  }

  private list(value: unknown, field: string, message: string): unknown[] {
    if (Array.isArray(value) && value.length > 0) return value;
    this.wrong(field, message);
    return [];
  }

  private text(value: unknown, field: string): string | undefined {
    if (typeof value === 'string' && value.length <= FILTER_LIMITS.textLength) return value;
    this.wrong(field, `must be text of at most ${FILTER_LIMITS.textLength} characters, a number, true, false, null or an operator`);
    return undefined;
  }

  private count(test: Test, field: string): Test {
    if (++this.conditions === FILTER_LIMITS.conditions + 1)
      this.wrong(field, `is one more than the ${FILTER_LIMITS.conditions} conditions of a filter`);
    return test;
  }

  private tooDeep(field: string): FilterNode {
    return this.wrong(field, `is deeper than ${FILTER_LIMITS.depth} objects and lists`);
  }

  private under(name: string, node: FilterNode): FilterNode {
    return { kind: 'field', name, node };
  }

  private refused(field: string, message: string): Test {
    this.wrong(field, message);
    return never;
  }

  private wrong(field: string, message: string): FilterNode {
    this.problems.push({ field, message });
    return NOTHING;
  }
}

const never: Test = () => false;

const textTests = new Map<string, (text: string) => Test>([
  ['prefix', prefix],
  ['suffix', suffix],
  ['equals-ignore-case', equalsIgnoreCase],
  ['wildcard', wildcard],
]);
const OPERATORS = ['exists', 'anything-but', 'numeric', ...textTests.keys()].join(', ');

/** A name of the caller's, short and printable. */
const shown = (name: string): string => name.replace(/[^\x21-\x7e]/g, '?').slice(0, 60);
