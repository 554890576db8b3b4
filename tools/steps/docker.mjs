import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.mjs';
import { Interrupted, Problem } from './problem.mjs';
import { run } from './processes.mjs';
import { keptSecret, newPassword, writePrivate } from './secrets.mjs';
import { accepts } from './sql.mjs';

const image = 'mysql:8.4';
const startMs = 180_000;

/** True when a Docker daemon answers within five seconds. */
export const hasDocker = () => spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 5000, killSignal: 'SIGKILL' }).status === 0;

/** Starts MySQL in a container named after the clone, with its data in `dir`; the same shape as `startPrivateServer`. */
export async function startContainer({ dir, signal, detail }) {
  const name = `posthorn-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
  const data = path.join(dir, 'docker-data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const password = keptSecret(path.join(dir, 'password'), newPassword);
  const port = await freePort();
  await remove(name);
  const environment = path.join(dir, 'docker.env');
  writePrivate(environment, `MYSQL_ROOT_PASSWORD=${password}\nMYSQL_ROOT_HOST=%\n`);
  await run('docker', ['run', '--detach', '--name', name, '--env-file', environment, ...mounts(data, port), image, ...options], {
    signal,
    title: 'docker run',
    onLine: detail,
  });
  rmSync(environment, { force: true });
  const url = `mysql://root:${password}@127.0.0.1:${port}`;
  const server = { url, port, alive: () => isRunning(name), stop: () => remove(name), kill: () => run('docker', ['kill', name]) };
  try {
    await answering(server, name, signal);
  } catch (error) {
    await remove(name);
    throw error;
  }
  return server;
}

const options = [
  '--skip-log-bin',
  '--skip-name-resolve',
  '--innodb-flush-log-at-trx-commit=1',
  '--innodb-buffer-pool-size=256M',
  '--max-connections=400',
  '--character-set-server=utf8mb4',
  '--mysqlx=OFF',
];

function mounts(data, port) {
  const owner = process.platform === 'linux' ? ['--user', `${process.getuid()}:${process.getgid()}`] : [];
  return [...owner, '--publish', `127.0.0.1:${port}:3306`, '--volume', `${data}:/var/lib/mysql`];
}

const isRunning = (name) =>
  spawnSync('docker', ['inspect', '--format', '{{.State.Running}}', name], { encoding: 'utf8', timeout: 10_000 }).stdout?.trim() === 'true';

async function answering(server, name, signal) {
  const deadline = Date.now() + startMs;
  while (!(await accepts(server.url))) {
    if (signal?.aborted) throw new Interrupted();
    if (Date.now() > deadline || !server.alive()) {
      const { stdout, stderr } = spawnSync('docker', ['logs', '--tail', '15', name], { encoding: 'utf8' });
      throw new Problem(`MySQL in the container ${name} did not start:\n${stdout}${stderr}`);
    }
    await sleep(500);
  }
}

/** Shuts the server in the container down cleanly, then forgets the container; the data stays. */
async function remove(name) {
  spawnSync('docker', ['stop', '--time', '60', name], { stdio: 'ignore' });
  spawnSync('docker', ['rm', '--force', name], { stdio: 'ignore' });
}
