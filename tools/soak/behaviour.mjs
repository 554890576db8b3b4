/**
 * How a consumer of the sink answers, as its URL says: `/name?afterMs=80&spreadMs=40&failPercent=5&hangPercent=1&downEverySeconds=120&downForSeconds=20`
 * - `afterMs`, `spreadMs`: it answers after so many ms, and up to so many more by chance
 * - `failPercent`: so many of 100 answers are a 500, a 503 with Retry-After, or a 429, in turns
 * - `hangPercent`: so many of 100 requests get no answer
 * - `downEverySeconds`, `downForSeconds`: at the end of each such period it answers 503 to everything for so long
 */
export function readBehaviour(text) {
  const { pathname, searchParams } = new URL(text, 'http://sink');
  const number = (name) => Number(searchParams.get(name) ?? 0);
  return {
    name: pathname,
    afterMs: number('afterMs'),
    spreadMs: number('spreadMs'),
    failPercent: number('failPercent'),
    hangPercent: number('hangPercent'),
    downEveryMs: number('downEverySeconds') * 1000,
    downForMs: number('downForSeconds') * 1000,
  };
}

const failures = [500, 503, 429];

/**
 * What to do with request number `count`, `sinceMs` after the sink began: `{status, afterMs}`, status undefined for no answer at all. `fate` and
 * `patience` are numbers from 0 to 1, by chance.
 */
export function answerOf(behaviour, { count, sinceMs, fate, patience }) {
  const { afterMs, spreadMs, failPercent, hangPercent, downEveryMs, downForMs } = behaviour;
  const after = afterMs + Math.floor(patience * spreadMs);
  if (downEveryMs > 0 && sinceMs % downEveryMs >= downEveryMs - downForMs) return { status: 503, afterMs: after };
  if (fate * 100 < hangPercent) return { status: undefined, afterMs: 0 };
  if (fate * 100 < hangPercent + failPercent) return { status: failures[count % failures.length], afterMs: after };
  return { status: 200, afterMs: after };
}
