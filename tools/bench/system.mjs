import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import path from 'node:path';
import { root } from '../steps/paths.mjs';

/** Settings of the apps that change what a benchmark measures; told with the results when they are set. */
const telling = [
  'DATABASE_POOL',
  'ACCEPT_QUEUE_MESSAGES',
  'ACCEPT_QUEUE_BYTES',
  'ACCEPT_BATCH',
  'INLINE_FANOUT',
  'MAX_IN_FLIGHT',
  'MAX_IN_FLIGHT_BYTES',
  'MAX_IN_FLIGHT_PER_CONSUMER',
  'DELIVERY_TIMEOUT_MS',
  'SETTLE_TIME_MS',
  'RATIONAL_DELAY_MS',
  'NODE_OPTIONS',
];

/** What the numbers belong to. */
export function describeSystem() {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return {
    at: new Date().toISOString(),
    posthorn: version,
    ...commit(),
    node: process.version,
    machine: {
      cpus: availableParallelism(),
      model: cpus()[0]?.model.trim() ?? 'unknown',
      memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
      system: `${platform()} ${release()} ${arch()}`,
      loadBefore: loadavg()[0],
    },
    environment: Object.fromEntries(telling.filter((name) => process.env[name]).map((name) => [name, process.env[name]])),
  };
}

const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });

function commit() {
  const head = git('rev-parse', 'HEAD');
  if (head.status !== 0) return { commit: null, changed: null };
  return { commit: head.stdout.trim(), changed: git('status', '--porcelain', '--', 'apps', 'libs', 'package-lock.json').stdout !== '' };
}
