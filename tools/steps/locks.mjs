import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeStateDir } from './paths.mjs';
import { Interrupted } from './problem.mjs';
import { isOurs } from './processes.mjs';

/** Takes the lock for this process and returns undefined, or returns the pid of the live process that has it (0: not known yet). */
export function tryLock(name, folder = makeStateDir()) {
  const file = path.join(folder, `${name}.lock`);
  if (create(file)) return undefined;
  const holder = holderOf(file);
  if (holder !== undefined) return holder;
  const guard = `${file}.steal`;
  if (!enter(guard)) return 0;
  try {
    const nowHeldBy = holderOf(file);
    if (nowHeldBy !== undefined) return nowHeldBy;
    rmSync(file, { force: true });
    return create(file) ? undefined : holderOf(file);
  } finally {
    rmdirSync(guard);
  }
}

function create(file) {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  process.once('exit', () => rmSync(file, { force: true }));
  return true;
}

function holderOf(file) {
  try {
    const text = readFileSync(file, 'utf8');
    const pid = Number(text);
    // An empty file is being written just now, unless its writer died.
    if (text === '') return Date.now() - statSync(file).mtimeMs < 2000 ? 0 : undefined;
    return pid !== process.pid && isOurs(pid, 'tools') ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** One process at a time cleans up after a dead holder; a guard left by a crash is ignored after ten seconds. */
function enter(guard) {
  try {
    mkdirSync(guard);
    return true;
  } catch {
    try {
      if (Date.now() - statSync(guard).mtimeMs > 10_000) rmdirSync(guard);
    } catch {
      // gone already
    }
    return false;
  }
}

function unlock(name) {
  rmSync(path.join(makeStateDir(), `${name}.lock`), { force: true });
}

/** Runs `work` while no other tool in this clone holds `name`; waits for its turn. */
export async function withLock(name, work, { signal, onWait } = {}) {
  for (let told = false; ; told = true) {
    const holder = tryLock(name);
    if (holder === undefined) break;
    if (signal?.aborted) throw new Interrupted();
    if (!told) onWait?.(holder);
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    unlock(name);
  }
}
