import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '@app/domain';
import type { Log } from './log.js';

export type Patience = {
  readonly log: Log;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Whether waiting can heal what an attempt met. */
  readonly mayHeal: (error: unknown) => boolean;
  /** Is told what is being waited for, each time that an attempt has failed. */
  readonly tell: (reason: string) => void;
};

const BACK_OFF = { firstMs: 100, capMs: 5_000 };
const BURST_MS = 60_000;

/**
 * Repeats `attempt` until it succeeds, with back-off and jitter up to 5 s. Logs why when it begins to wait, when the reason changes, and once a minute.
 * Rejects at once with what waiting cannot heal, and with the reason of `signal` when that fires.
 */
export async function patiently<T>(what: string, attempt: () => Promise<T>, { log, signal, mayHeal, tell }: Patience): Promise<T> {
  const since = performance.now();
  let logged = { reason: '', at: -Infinity };
  for (let failures = 1; ; failures++) {
    try {
      const found = await unlessAborted(attempt(), signal);
      if (failures > 1) log.info({ what, waitedMs: Math.round(performance.now() - since) }, 'start.continues');
      return found;
    } catch (error) {
      signal.throwIfAborted();
      if (!mayHeal(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      tell(`waiting for the ${what}: ${reason}`);
      if (reason !== logged.reason || performance.now() - logged.at > BURST_MS) {
        log.warn({ err: error, what, attempts: failures }, 'start.waits');
        logged = { reason, at: performance.now() };
      }
      await sleep(backOffMs(BACK_OFF, failures, Math.random()), undefined, { signal });
    }
  }
}

async function unlessAborted<T>(attempt: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('told to stop', { cause: signal.reason })), { signal: settled.signal });
  });
  try {
    return await Promise.race([attempt, aborted]);
  } finally {
    settled.abort();
  }
}
