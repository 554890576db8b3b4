import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';
import { run, tail } from './processes.mjs';
import { say, step } from './progress.mjs';

const lockfile = path.join(root, 'package-lock.json');
const modules = path.join(root, 'node_modules');
const stamp = path.join(modules, '.posthorn-stamp');

/** Installs what package-lock.json names, unless exactly that is there already. */
export async function ensureDependencies({ signal } = {}) {
  const wanted = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  if (read(stamp) === wanted) return;
  if (!installedByHand()) await step('Installing dependencies (npm ci)', (detail) => install(detail, signal));
  writeFileSync(stamp, wanted);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** True when npm itself noted the same versions as the lockfile; packages for other systems may be missing. */
function installedByHand() {
  const noted = read(path.join(modules, '.package-lock.json'));
  if (!noted) return false;
  const installed = JSON.parse(noted).packages;
  const wanted = Object.entries(JSON.parse(readFileSync(lockfile, 'utf8')).packages).filter(([name]) => name !== '');
  return wanted.every(([name, { version, integrity, optional }]) => {
    const found = installed[name];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

async function install(detail, signal) {
  try {
    await npm(['ci', '--include=dev'], detail, signal);
  } catch (error) {
    // A lockfile may lack optional packages of other systems that its registry did not have yet; the rest of it still holds.
    if (signal?.aborted || !/are in sync/.test(error.message)) throw error;
    say('  npm ci finds package-lock.json incomplete; npm install takes the versions that it has.');
    await npm(['install', '--no-save', '--include=dev'], detail, signal);
  }
}

async function npm(args, detail, signal) {
  const total = Object.keys(JSON.parse(readFileSync(lockfile, 'utf8')).packages).length - 1;
  const [command, ...first] = npmProgram();
  let fetched = 0;
  await run(command, [...first, ...args, '--no-audit', '--no-fund', '--loglevel=http'], {
    signal,
    title: `npm ${args[0]}`,
    explain,
    onLine(line) {
      if (/http (fetch|cache) .*\.tgz/.test(line)) fetched += 1;
      detail(`${Math.min(fetched, total)} of up to ${total} packages fetched`);
    },
  });
}

/** npm says first what is wrong, and then how it is used. */
function explain(output) {
  const errors = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  return errors.length > 0 ? errors.slice(0, 15).join('\n') : tail(output);
}

/** The npm that runs us, else the one on the PATH. */
function npmProgram() {
  const running = process.env.npm_execpath;
  if (running && /npm-cli\.c?js$/.test(running)) return [process.execPath, running];
  return process.platform === 'win32' ? ['cmd.exe', '/d', '/c', 'npm'] : ['npm'];
}
