import { isName } from './names.js';
import type { FieldProblem } from './problem.js';

/** A right of an API key. `*` stands for every name. */
export type Scope =
  | { readonly kind: 'admin' }
  | { readonly kind: 'read' }
  | { readonly kind: 'publish'; readonly channel: string }
  | { readonly kind: 'consume'; readonly channel: string; readonly consumer: string }
  | { readonly kind: 'manage'; readonly channel: string };

/** What a request needs; names are exact. */
export type Need = Scope;

export const MAX_SCOPES = 100;

/** Reads a list such as `['read', 'publish:orders', 'consume:orders/billing']`; `*` may stand for a whole name, not for a part. */
export function parseScopes(list: unknown, field = 'scopes'): { scopes: Scope[] } | { problems: FieldProblem[] } {
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_SCOPES) {
    return { problems: [{ field, message: `must be a list of 1 to ${MAX_SCOPES} scopes` }] };
  }
  const scopes: Scope[] = [];
  const problems: FieldProblem[] = [];
  const texts: readonly unknown[] = list;
  for (const [index, text] of texts.entries()) {
    const scope = typeof text === 'string' ? scopeOf(text) : undefined;
    if (scope) scopes.push(scope);
    else problems.push({ field: `${field}.${index}`, message: FORMS });
  }
  return problems.length > 0 ? { problems } : { scopes };
}

/** The text that `parseScopes` reads back. */
export function formatScope(scope: Scope): string {
  if (scope.kind === 'admin' || scope.kind === 'read') return scope.kind;
  return scope.kind === 'consume' ? `consume:${scope.channel}/${scope.consumer}` : `${scope.kind}:${scope.channel}`;
}

/** Whether any scope gives what is needed. `admin` gives all; every other scope gives only what it names. */
export const allows = (scopes: readonly Scope[], need: Need): boolean => scopes.some((scope) => gives(scope, need));

const FORMS = 'must be admin, read, publish:<channel>, consume:<channel>/<consumer> or manage:<channel>, where a name may be *';

function scopeOf(text: string): Scope | undefined {
  if (text === 'admin' || text === 'read') return { kind: text };
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const [channel, consumer, ...rest] = text.slice(colon + 1).split('/');
  if (!isNameOrAny(channel) || rest.length > 0) return undefined;
  if (kind === 'consume') return isNameOrAny(consumer) ? { kind, channel, consumer } : undefined;
  return (kind === 'publish' || kind === 'manage') && consumer === undefined ? { kind, channel } : undefined;
}

function gives(scope: Scope, need: Need): boolean {
  if (scope.kind === 'admin') return true;
  if (scope.kind !== need.kind) return false;
  if ('channel' in scope && 'channel' in need && !covers(scope.channel, need.channel)) return false;
  return !('consumer' in scope && 'consumer' in need) || covers(scope.consumer, need.consumer);
}

const covers = (given: string, needed: string): boolean => given === '*' || given === needed;
const isNameOrAny = (text: string | undefined): text is string => text === '*' || isName(text);
