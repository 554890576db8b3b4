import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';
import { Interrupted, Problem } from './problem.mjs';

/** The last lines of a text, for telling why something failed. */
export const tail = (text, lines = 20) => text.trimEnd().split('\n').slice(-lines).join('\n');

/**
 * Runs a program to its end. Its output is kept, and each line given to `onLine`. A non-zero exit is a Problem that shows
 * what `explain` takes from the output, its end by default; an aborted `signal` ends the program and is Interrupted.
 */
export async function run(command, args, { env = process.env, signal, onLine, title = command, explain = tail } = {}) {
  if (signal?.aborted) throw new Interrupted();
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const abort = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', abort);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      output = (output + text).slice(-1_000_000);
      const complete = (rest + text).split('\n');
      rest = complete.pop();
      for (const line of complete) onLine?.(line);
    });
  }
  try {
    const [code, killedBy] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...result) => resolve(result));
    });
    if (signal?.aborted) throw new Interrupted();
    if (code !== 0) throw new Problem(`${title} failed (${killedBy ?? `exit status ${code}`}):\n${explain(output)}`);
    return output;
  } catch (error) {
    if (error.code === 'ENOENT') throw new Problem(`${title} failed: ${command} is not installed`);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The command line of a live process, or undefined; a zombie is not alive. */
export function commandLine(pid) {
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
    } catch {
      return undefined;
    }
  }
  const { stdout } = spawnSync('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)], { encoding: 'utf8' });
  const [, state, command] = /^\s*(\S+)\s+(.*)$/s.exec(stdout ?? '') ?? [];
  return state && !state.startsWith('Z') ? command.trim() : undefined;
}

/** True when `pid` lives and its command line has all of `words` in it: the number alone may belong to somebody else by now. */
export function isOurs(pid, ...words) {
  const command = commandLine(pid);
  return command !== undefined && words.every((word) => command.includes(word));
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Ends a process that `isOurs`: SIGTERM, and SIGKILL after `patienceMs`. Says whether it ended by itself. */
export async function end(pid, words, { patienceMs = 30_000, signal = 'SIGTERM' } = {}) {
  const deadline = Date.now() + patienceMs;
  if (isOurs(pid, ...words)) send(pid, signal);
  while (isOurs(pid, ...words)) {
    if (Date.now() > deadline) {
      send(pid, 'SIGKILL');
      while (isOurs(pid, ...words)) await sleep(20);
      return false;
    }
    await sleep(20);
  }
  return true;
}
