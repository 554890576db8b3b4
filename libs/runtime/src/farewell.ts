import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.js';

const PATIENCE_MS = 3_000;

/** A courtesy at the end of a process, which must not hold it up: waits at most 3 s, and a failure is only logged. */
export async function farewell(what: string, saying: Promise<unknown>, log: Log): Promise<void> {
  const said = saying.then(
    () => true,
    (error: unknown) => {
      log.warn({ err: error, what }, 'farewell.failed');
      return true;
    },
  );
  if (!(await Promise.race([said, sleep(PATIENCE_MS, false, { ref: false })]))) log.warn({ what }, 'farewell.unheard');
}
