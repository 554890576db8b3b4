import { type Id, idBefore, idFrom } from './id.js';

/** With which message of the past a new consumer begins: everything behind `after`. */
export interface History {
  readonly after: Id;
  /** RFC 3339; not there for the earliest that is kept. */
  readonly from?: string;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/** Reads `now` (no history), `earliest` or a time. Undefined for what is none of them. */
export function parseStartFrom(value: unknown): { history: History | null } | undefined {
  if (value === undefined || value === null || value === 'now') return { history: null };
  if (value === 'earliest') return { history: { after: '0' } };
  if (typeof value !== 'string' || !TIME.test(value)) return undefined;
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return undefined;
  return { history: { after: idBefore(idFrom(time.getTime())), from: time.toISOString() } };
}

export const START_FROM_FORMS = 'must be now, earliest or a time such as 2026-01-31T08:00:00Z';
