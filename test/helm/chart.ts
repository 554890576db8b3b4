import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';

export type Map = { readonly [name: string]: unknown };

export const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is at the path in a tree of maps, or undefined. */
export const get = (tree: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isMap(inner) ? inner[name] : undefined), tree);

export const textAt = (tree: unknown, ...path: readonly string[]): string => {
  const value = get(tree, ...path);
  return typeof value === 'string' ? value : '';
};

export const listAt = (tree: unknown, ...path: readonly string[]): readonly unknown[] => {
  const value = get(tree, ...path);
  return Array.isArray(value) ? value : [];
};

export const chart = join(process.cwd(), 'helm/posthorn');
export const read = (...path: readonly string[]): string => readFileSync(join(chart, ...path), 'utf8');

/** Values files in ci/: each is an installation that must work. */
export const scenarios = readdirSync(join(chart, 'ci'));

/** `defaults` with `changes` on top, as Helm does it: maps by name, everything else replaced. */
export function merge(defaults: unknown, changes: unknown): unknown {
  if (!isMap(defaults) || !isMap(changes)) return changes;
  const merged = Object.entries(changes).map(([name, change]) => [name, merge(defaults[name], change)] as const);
  return { ...defaults, ...Object.fromEntries(merged) };
}

/** The chart's values with `changes` on top. */
export const valuesWith = (changes: unknown = {}): unknown => merge(load(read('values.yaml')), changes);

/** Rows of the table in docs/configuration.md. */
export const documentedSettings = readFileSync(join(process.cwd(), 'docs/configuration.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, name, readBy = '', , limits = ''] = line.split('|').map((cell) => cell.trim());
    const variable = name?.match(/^`([A-Z0-9_]+)`$/)?.[1];
    return variable === undefined ? [] : [{ variable, readBy, limits }];
  });
