import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats `check` until it neither throws nor answers false, at most `withinMs`; then throws what it last threw. The only place where tests wait. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 15_000, everyMs = 20): Promise<Exclude<T, false>> {
  const until = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value !== false) return value as Exclude<T, false>;
      failure = new Error('still false');
    } catch (error) {
      failure = error;
    }
    if (performance.now() > until) throw failure;
    await sleep(everyMs);
  }
}

/** Lets time pass in which something must not happen. */
export const meanwhile = (ms: number): Promise<void> => sleep(ms);
