import { Problem } from './problem.js';

/** A secret that was replaced and still signs, beside the newest one, until its time (Unix ms). */
export interface FormerSecret {
  readonly sealed: string;
  readonly until: number;
}

/** How long a replaced secret goes on signing, in seconds. */
export const OVERLAP_SECONDS = { fallback: 86_400, max: 2_592_000 } as const;

/** Secrets that may sign beside the newest one. */
export const MAX_FORMER_SECRETS = 4;

/**
 * Which secrets go on signing when `replaced` gives way to a new one: it, and those before it whose time is not over, newest first, none of them longer than
 * `overlapSeconds` from now. With 0 that is none. Throws {@link Problem} `conflict` when they would be more than 4.
 */
export function formerSecrets(
  replaced: string | null,
  before: readonly FormerSecret[],
  overlapSeconds: number,
  nowMs: number,
): FormerSecret[] {
  const end = nowMs + 1000 * overlapSeconds;
  const all = [...(replaced === null ? [] : [{ sealed: replaced, until: end }]), ...before];
  const left = all.map(({ sealed, until }) => ({ sealed, until: Math.min(until, end) })).filter(({ until }) => until > nowMs);
  if (left.length > MAX_FORMER_SECRETS) {
    const next = new Date(Math.min(...left.map(({ until }) => until))).toISOString();
    throw new Problem(
      'conflict',
      `${MAX_FORMER_SECRETS} former secrets are still signing, the first of them until ${next}: wait, or rotate with overlapSeconds 0, which ends them at once`,
      { field: 'overlapSeconds' },
    );
  }
  return left;
}

/** Until when a former secret signs; null when none does. */
export function overlapUntil(former: readonly FormerSecret[], nowMs: number): Date | null {
  const last = Math.max(...former.map(({ until }) => until), nowMs);
  return last > nowMs ? new Date(last) : null;
}
