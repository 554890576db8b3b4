import { spawn } from 'node:child_process';
import { closeSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { followLog, lastLines, logFile, openLog } from './logs.mjs';
import { mainOf, makeStateDir, nodeFlags, root } from './paths.mjs';
import { Interrupted, Problem } from './problem.mjs';
import { end } from './processes.mjs';
import { say } from './progress.mjs';
import { writePrivate } from './secrets.mjs';

const readyMs = 60_000;
const stopMs = 30_000;
const badConfiguration = 78;
const calmAfterMs = 60_000;
const triesBeforeReady = 3;

const recordFile = () => path.join(makeStateDir(), 'run.json');

/** Ends apps that an earlier run left behind when it was killed. Numbers alone prove nothing: the command line must name our file. */
export async function endStaleApps() {
  if (!existsSync(recordFile())) return;
  const stale = JSON.parse(readFileSync(recordFile(), 'utf8')).apps ?? [];
  await Promise.all(stale.map(({ app, pid }) => end(pid, [mainOf(app)], { patienceMs: stopMs })));
  rmSync(recordFile(), { force: true });
}

/** Runs apps as processes in groups of their own, and starts one again, ever more slowly, when it ends by itself. */
export class Children {
  #running = new Map();
  #stopping = false;
  #failure;

  /** Starts `app`; `ready` is the URL that answers 200 once it is. */
  start({ app, env, ready }) {
    const child = { app, env, ready, pid: undefined, restarts: 0, wasReady: false, ended: Promise.resolve(), timer: undefined };
    child.unfollow = followLog(app, (line) => say(`[${app}] ${line}`));
    this.#running.set(app, child);
    this.#spawn(child);
  }

  #spawn(child) {
    const log = openLog(child.app);
    const startedAt = Date.now();
    const started = spawn(process.execPath, [...nodeFlags, mainOf(child.app)], {
      cwd: root,
      env: child.env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.pid = started.pid;
    child.ended = new Promise((resolve) => {
      started.once('exit', (code, signal) => {
        child.pid = undefined;
        resolve();
        if (!this.#stopping) this.#ended(child, signal ?? `exit status ${code}`, code === badConfiguration, Date.now() - startedAt);
      });
      started.once('error', () => resolve());
    });
    this.#note();
  }

  #ended(child, how, hopeless, livedMs) {
    if (livedMs > calmAfterMs) child.restarts = 0;
    const giveUp = !child.wasReady && (hopeless || child.restarts + 1 >= triesBeforeReady);
    say(`✗ ${child.app} ended unexpectedly (${how}). The end of ${path.relative(root, logFile(child.app))}:\n${lastLines(child.app)}`);
    if (giveUp) {
      this.#failure = new Problem(`${child.app} does not start.`);
      return;
    }
    const waitMs = Math.min(30_000, 1000 * 2 ** child.restarts);
    child.restarts += 1;
    say(`  Starting ${child.app} again in ${waitMs / 1000} s.`);
    child.timer = setTimeout(() => {
      if (!this.#stopping) this.#spawn(child);
    }, waitMs);
  }

  /** Resolves when every app says that it is ready. */
  async ready(signal) {
    const deadline = Date.now() + readyMs;
    for (const child of this.#running.values()) {
      while (!(await answersOk(child.ready))) {
        if (signal.aborted) throw new Interrupted();
        if (this.#failure) throw this.#failure;
        if (Date.now() > deadline) throw new Problem(`${child.app} is not ready after ${readyMs / 1000} s:\n${lastLines(child.app)}`);
        await sleep(100);
      }
      child.wasReady = true;
    }
  }

  #note() {
    const apps = [...this.#running.values()].filter(({ pid }) => pid).map(({ app, pid }) => ({ app, pid }));
    writePrivate(recordFile(), JSON.stringify({ apps }));
  }

  /** SIGTERM to all, SIGKILL to those that are still there after half a minute. */
  async stop() {
    this.#stopping = true;
    await Promise.all([...this.#running.values()].map((child) => this.#stopOne(child)));
    rmSync(recordFile(), { force: true });
  }

  async #stopOne(child) {
    clearTimeout(child.timer);
    if (child.pid && !(await end(child.pid, [mainOf(child.app)], { patienceMs: stopMs }))) {
      say(`✗ ${child.app} did not stop within ${stopMs / 1000} s and was killed.`);
    }
    await child.ended;
    child.unfollow();
  }

  /** For those who cannot wait. */
  kill() {
    for (const { pid } of this.#running.values()) if (pid) process.kill(pid, 'SIGKILL');
  }
}

/** Whether a readiness probe at `url` says yes within 2 s. */
export async function answersOk(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
