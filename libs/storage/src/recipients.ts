import { type Filterable, type FilterJson, type FilterNode, FilterSubject, parseFilter, type Unjudged } from '@app/domain';
import { fromJson } from './json.js';

/** A consumer's filter, ready to be asked; undefined inside when this version cannot read it. */
export type Filters = ReadonlyMap<number, FilterNode | undefined>;

/** What a filter could not judge is delivered, and counted here. */
export type OnUnjudged = (reason: Unjudged) => void;

/** Those of the rows that have a filter; undefined when none has. */
export function filtersOf(rows: readonly { id: number; filter: FilterJson | string | null }[]): Filters | undefined {
  const filtered = rows.flatMap(({ id, filter }) => {
    const json = fromJson(filter);
    if (json === null) return [];
    const parsed = parseFilter(json);
    return [[id, 'filter' in parsed ? parsed.filter : undefined] as const];
  });
  return filtered.length > 0 ? new Map(filtered) : undefined;
}

/** The consumers that a message goes to: those without a filter, and those whose filter matches it or cannot judge it. */
export function recipients(consumerIds: readonly number[], filters: Filters, message: Filterable, onUnjudged: OnUnjudged): number[] {
  const subject = new FilterSubject(message);
  return consumerIds.filter((id) => {
    if (!filters.has(id)) return true;
    const { matches, unjudged } = subject.judge(filters.get(id));
    if (unjudged) onUnjudged(unjudged);
    return matches;
  });
}
