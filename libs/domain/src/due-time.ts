/** When a scheduled message leaves: at a time, or so long after it was stored, by the clock of the database. */
export type DueTime = { readonly at: Date } | { readonly afterSeconds: number };

/** How far ahead a message may be scheduled. */
const SCHEDULE_LIMIT_DAYS = 366;

const LIMIT_SECONDS = SCHEDULE_LIMIT_DAYS * 86_400;
/** Clocks of processes may be this far from the database's: only what is further back than that certainly is due. */
const CLOCK_TOLERANCE_MS = 5_000;

/** `due` undefined: at once. */
export type ReadDueTime = { due: DueTime | undefined } | { problem: string };

/** RFC 3339, 5.6. A leap second is refused, since neither JavaScript nor the databases know them. */
const TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|([+-])(\d{2}):(\d{2}))$/;

/**
 * A time up to 366 days ahead. Fractions of a millisecond are rounded up, so that nothing leaves before its time. A time that has passed is at once: a producer
 * that repeats for want of an answer must not be refused because it took long.
 */
export function readDeliverAt(text: unknown, nowMs: number): ReadDueTime {
  const ms = typeof text === 'string' ? msOfTime(text) : undefined;
  if (ms === undefined) return { problem: 'must be a time after RFC 3339, such as 2026-12-01T08:00:00Z' };
  if (ms > nowMs + LIMIT_SECONDS * 1000) return { problem: `must be at most ${SCHEDULE_LIMIT_DAYS} days ahead` };
  return { due: ms < nowMs - CLOCK_TOLERANCE_MS ? undefined : { at: new Date(ms) } };
}

/** A whole number of seconds up to 366 days; 0 is at once. */
export function readDelay(seconds: unknown): ReadDueTime {
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 0 || seconds > LIMIT_SECONDS) {
    return { problem: `must be a whole number of seconds from 0 to ${LIMIT_SECONDS} (${SCHEDULE_LIMIT_DAYS} days)` };
  }
  return { due: seconds === 0 ? undefined : { afterSeconds: seconds } };
}

function msOfTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second, fraction = '', zone, sign, zoneHours, zoneMinutes] = TIME.exec(text) ?? [];
  if (zone === undefined) return undefined;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(local);
  // 2026-02-30 is taken for the 2nd of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== local) return undefined;
  if (Number(zoneHours ?? 0) > 23 || Number(zoneMinutes ?? 0) > 59) return undefined;
  const offsetMs = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60_000 * (sign === '-' ? -1 : 1);
  const more = Number(fraction.padEnd(3, '0').slice(0, 3)) + Number(/[1-9]/.test(fraction.slice(3)));
  return ms + more - offsetMs;
}
