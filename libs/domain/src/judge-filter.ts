import type { FilterNode } from './filter.js';
import { isRecord } from './records.js';

/** What a filter can ask about. */
export interface Filterable {
  type: string | null;
  contentType: string | null;
  /** JSON object of the producer's headers. */
  headers: string | null;
  payload: Buffer;
}

/** A larger payload is not parsed: conditions on its body hold, so that nothing is kept from a consumer unread. */
export const FILTERED_BODY_BYTES = 256 * 1024;
/** Comparisons that one filter may take for one message, and all filters together; long texts count more. */
const FILTER_STEPS = 10_000;
const MESSAGE_STEPS = 200_000;
/** Of a text, so many characters are one step. */
const CHARACTERS_A_STEP = 64;

/** Why a filter could not say no: the message is delivered. */
export type Unjudged = 'body-too-large' | 'too-costly' | 'unreadable';
export interface Judgement {
  matches: boolean;
  unjudged?: Unjudged;
}

const TOO_LARGE = Symbol('too large');
class TooCostlyError extends Error {}

/** A message as filters see it. Its payload is parsed once, and only if one of them asks for it. */
export class FilterSubject {
  private readonly parts: Record<string, unknown>;
  private parsed: { body: unknown } | undefined;
  private left = MESSAGE_STEPS;
  private leftOfFilter = 0;
  private unjudged: Unjudged | undefined;

  constructor(private readonly message: Filterable) {
    const headers = new Map<string, unknown>();
    if (message.contentType !== null) headers.set('content-type', message.contentType);
    const told: Record<string, string> = message.headers === null ? {} : JSON.parse(message.headers);
    for (const [name, value] of Object.entries(told)) headers.set(name.toLowerCase(), value);
    this.parts = { type: message.type ?? undefined, headers: Object.fromEntries(headers) };
  }

  /** Whether the message goes to a consumer with this filter; undefined: a filter that this version cannot read. */
  judge(filter: FilterNode | undefined): Judgement {
    if (!filter) return { matches: true, unjudged: 'unreadable' };
    this.leftOfFilter = FILTER_STEPS;
    this.unjudged = undefined;
    try {
      const matches = this.holds(filter, this.parts, true);
      return matches && this.unjudged ? { matches, unjudged: this.unjudged } : { matches };
    } catch (error) {
      if (error instanceof TooCostlyError) return { matches: true, unjudged: 'too-costly' };
      throw error;
    }
  }

  private holds(node: FilterNode, value: unknown, top = false): boolean {
    this.spend(1);
    if (node.kind === 'leaf') return this.isOneOf(node, value);
    if (node.kind === 'field') return this.holdsIn(node, value, top);
    if (node.kind === 'any') return node.nodes.some((one) => this.holds(one, value, top));
    if (!Array.isArray(value)) return this.every(node.nodes, value, top);
    return value.some((one) => isRecord(one) && this.every(node.nodes, one));
  }

  private every(nodes: readonly FilterNode[], value: unknown, top = false): boolean {
    return nodes.every((one) => this.holds(one, value, top));
  }

  private holdsIn({ name, node }: FilterNode & { kind: 'field' }, value: unknown, top: boolean): boolean {
    if (!top || name !== 'body') return this.holds(node, isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined);
    const body = this.body();
    if (body !== TOO_LARGE) return this.holds(node, body);
    this.unjudged = 'body-too-large';
    return true;
  }

  private isOneOf({ tests, exists, absent }: FilterNode & { kind: 'leaf' }, value: unknown): boolean {
    if (value === undefined) return absent;
    if (exists) return true;
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.some((one) =>
      tests.some((test) => {
        this.spend(1 + (typeof one === 'string' ? one.length / CHARACTERS_A_STEP : 0));
        return typeof one !== 'object' || one === null ? test(one) : false;
      }),
    );
  }

  private spend(steps: number): void {
    this.left -= steps;
    this.leftOfFilter -= steps;
    if (this.left < 0 || this.leftOfFilter < 0) throw new TooCostlyError();
  }

  /** Undefined when the payload is not JSON. */
  private body(): unknown {
    this.parsed ??= { body: this.parse() };
    return this.parsed.body;
  }

  private parse(): unknown {
    const { payload } = this.message;
    if (payload.length > FILTERED_BODY_BYTES) return TOO_LARGE;
    try {
      return JSON.parse(payload.toString('utf8'));
    } catch {
      return undefined;
    }
  }
}
