import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { answersOk } from './children.mjs';
import { mainOf, nodeFlags, root } from './paths.mjs';
import { Interrupted, Problem } from './problem.mjs';
import { end, tail } from './processes.mjs';
import { writePrivate } from './secrets.mjs';

const readyMs = 60_000;
const stopMs = 30_000;
/** As npm run start:dispatcher does. */
const threads = process.env.UV_THREADPOOL_SIZE || '64';
const host = '127.0.0.1';

/**
 * What the apps of a measuring or breaking tool find in their environment. As in production, but for two things: consumers are on this
 * machine, and they speak plain HTTP. What somebody has set for the apps stays set; secrets do not come from files.
 */
export function appEnvironment({ databaseUrl, adminKey, secretKey }) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name, value]) => value !== '' && !name.endsWith('_FILE')));
  return {
    ...env,
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    DATABASE_URL: databaseUrl,
    POSTHORN_ADMIN_KEY: adminKey,
    POSTHORN_SECRET_KEY: secretKey,
    ALLOWED_TARGETS: '127.0.0.0/8',
    ALLOW_HTTP_TARGETS: 'true',
    HOST: host,
    OPS_HOST: host,
    NUDGE_PORT: '0',
  };
}

/** One process of an app, from `dist/`, in a group of its own; it adds its log to the file `log`. Its OPS_PORT must be set. */
export class App {
  /** How it ended; undefined while it runs. */
  how;
  /** Resolves when it has ended. */
  ended;

  constructor({ app, name, env, log }) {
    Object.assign(this, { app, name, log, opsUrl: `http://${host}:${env.OPS_PORT}` });
    const file = openSync(log, 'a', 0o600);
    const child = spawn(process.execPath, [...nodeFlags, mainOf(app)], {
      cwd: root,
      env: { ...env, ...(app === 'dispatcher' && { UV_THREADPOOL_SIZE: threads }) },
      detached: true,
      stdio: ['ignore', file, file],
    });
    closeSync(file);
    this.pid = child.pid;
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, killedBy) => {
        this.how = killedBy ?? `exit status ${code}`;
        resolve();
      });
      child.once('error', (error) => {
        this.how = error.message;
        resolve();
      });
    });
  }

  get running() {
    return this.how === undefined;
  }

  /** Waits until it says that it is ready. */
  async ready(signal) {
    const deadline = Date.now() + readyMs;
    while (!(await answersOk(`${this.opsUrl}/health/ready`))) {
      if (signal.aborted) throw new Interrupted();
      this.check();
      if (Date.now() > deadline) throw new Problem(`${this.name} is not ready after ${readyMs / 1000} s:\n${this.lastLines()}`);
      await sleep(50);
    }
  }

  /** Throws when it has ended. */
  check() {
    if (!this.running) throw new Problem(`${this.name} ended unexpectedly (${this.how}):\n${this.lastLines()}`);
  }

  lastLines() {
    return tail(readFileSync(this.log, 'utf8'), 12);
  }

  /** SIGTERM or another `signal`, and SIGKILL after half a minute; says whether it ended by itself. */
  async stop(signal = 'SIGTERM') {
    const byItself = await end(this.pid, [mainOf(this.app)], { patienceMs: stopMs, signal });
    await this.ended;
    return byItself;
  }

  /** `name`: SIGKILL, SIGSTOP, … */
  signal(name) {
    if (this.pid && this.running) process.kill(this.pid, name);
  }
}

/** Notes the processes in `file`, so that the next run can end what a killed one left. */
export function noteApps(file, apps) {
  writePrivate(file, JSON.stringify(apps.map(({ app, pid }) => ({ app, pid }))));
}

/** Ends the processes noted in `file`. */
export async function endNotedApps(file, signal = 'SIGTERM') {
  if (!existsSync(file)) return;
  const stale = JSON.parse(readFileSync(file, 'utf8'));
  await Promise.all(stale.map(({ app, pid }) => end(pid, [mainOf(app)], { patienceMs: stopMs, signal })));
  rmSync(file, { force: true });
}
