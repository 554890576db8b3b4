const SECONDS = /^\d{1,10}$/;
/** IMF-fixdate and the obsolete RFC 850 form, both in GMT. */
const DATE = /^[A-Z][a-z]{2,8}, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/;
/** The obsolete asctime form, GMT without saying so. */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Milliseconds from `nowMs` (Unix ms) that a Retry-After header asks to wait: seconds or any of the three HTTP dates (RFC 9110, 10.2.3
 * and 5.6.7). A date in the past is 0; nonsense is undefined. The answer is not bounded: `nextStep` does that.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (SECONDS.test(text)) return 1000 * Number(text);
  const at = DATE.test(text) ? Date.parse(text) : ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
