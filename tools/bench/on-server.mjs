import { ensureBuilt } from '../steps/build.mjs';
import { findDatabase } from '../steps/database.mjs';
import { ensureDependencies } from '../steps/dependencies.mjs';
import { tryLock } from '../steps/locks.mjs';
import { Problem } from '../steps/problem.mjs';
import { alone } from '../steps/setup.mjs';
import { endStaleBrokers } from './broker.mjs';
import { dropLeftover } from './server.mjs';

/** Throws a Problem when another benchmark runs from this folder: they would measure each other. */
export function demandAlone() {
  const holder = tryLock('bench');
  if (holder !== undefined) throw new Problem(`A benchmark is already running from this folder (process ${holder}).`);
}

/**
 * Does `work` with the server that benchmarks use, free of what a killed run left, and with everything installed and built (unless `build` is false). The server is
 * stopped at the end if it was started for this.
 */
export async function onServer({ signal, build = true, ...database }, work) {
  let server;
  try {
    await endStaleBrokers();
    await alone(async () => {
      await ensureDependencies({ signal });
      server = await findDatabase('bench-mysql', { signal, ...database });
      if (build) await ensureBuilt({ signal });
    }, signal);
    await dropLeftover(server.url);
    return await work(server);
  } finally {
    await server?.stop();
  }
}
