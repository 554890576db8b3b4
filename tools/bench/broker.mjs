import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answersOk } from '../steps/children.mjs';
import { readable } from '../steps/logs.mjs';
import { apps, mainOf, makeStateDir, migrateMain, root } from '../steps/paths.mjs';
import { freePort } from '../steps/ports.mjs';
import { Interrupted, Problem } from '../steps/problem.mjs';
import { end, run, tail } from '../steps/processes.mjs';
import { newAdminKey, newSecretKey, writePrivate } from '../steps/secrets.mjs';
import { ensureDatabase, withDatabase } from '../steps/sql.mjs';
import { dropDatabase, newDatabaseName, noteDatabase } from './server.mjs';

const readyMs = 60_000;
const stopMs = 30_000;
const host = '127.0.0.1';
const channel = 'bench';

const recordFile = () => path.join(makeStateDir('bench'), 'processes.json');
const logFile = (name) => path.join(makeStateDir('bench', 'logs'), `${name}.log`);

/** Ends apps of a run that was killed. */
export async function endStaleBrokers() {
  if (!existsSync(recordFile())) return;
  const stale = JSON.parse(readFileSync(recordFile(), 'utf8'));
  await Promise.all(stale.map(({ app, pid }) => end(pid, [mainOf(app)], { patienceMs: stopMs })));
  rmSync(recordFile(), { force: true });
}

/** A whole Posthorn for one scenario: an empty database, the three apps, a channel with its consumers and a key that may only publish. */
export class Broker {
  #signal;
  #processes = [];
  #databaseUrl;
  #adminKey = newAdminKey();
  #env;
  #port;

  constructor(signal) {
    this.#signal = signal;
  }

  get processes() {
    return this.#processes.map(({ app, pid }) => ({ name: app, pid }));
  }

  async start({ serverUrl, dispatchers }) {
    this.#databaseUrl = withDatabase(serverUrl, newDatabaseName());
    noteDatabase(this.#databaseUrl);
    await ensureDatabase(this.#databaseUrl);
    this.#port = await freePort(host);
    this.#env = this.#environment();
    await run(process.execPath, ['--enable-source-maps', migrateMain], { env: this.#env, signal: this.#signal, title: 'The migration' });
    for (const app of apps) {
      const copies = app === 'dispatcher' ? dispatchers : 1;
      for (let copy = 1; copy <= copies; copy += 1) await this.#launch(app, copies > 1 ? `${app}-${copy}` : app);
    }
    await Promise.all(this.#processes.map((child) => this.#ready(child)));
  }

  /** As in production, but for two things: consumers are on this machine, and they speak plain HTTP. */
  #environment() {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name, value]) => value !== '' && !name.endsWith('_FILE')));
    return {
      ...env,
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      DATABASE_URL: this.#databaseUrl,
      POSTHORN_ADMIN_KEY: this.#adminKey,
      POSTHORN_SECRET_KEY: newSecretKey(),
      ALLOWED_TARGETS: '127.0.0.0/8',
      ALLOW_HTTP_TARGETS: 'true',
      HOST: host,
      PORT: String(this.#port),
      OPS_HOST: host,
      NUDGE_PORT: '0',
    };
  }

  async #launch(app, name) {
    const opsPort = await freePort(host);
    if (this.#signal.aborted) throw new Interrupted();
    const log = openSync(logFile(name), 'w', 0o600);
    const started = spawn(process.execPath, ['--enable-source-maps', mainOf(app)], {
      cwd: root,
      env: { ...this.#env, OPS_PORT: String(opsPort) },
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const child = { app, name, pid: started.pid, opsPort, how: undefined };
    child.ended = new Promise((resolve) => {
      started.once('exit', (code, killedBy) => {
        child.how = killedBy ?? `exit status ${code}`;
        resolve();
      });
      started.once('error', (error) => {
        child.how = error.message;
        resolve();
      });
    });
    this.#processes.push(child);
    writePrivate(recordFile(), JSON.stringify(this.#processes.map(({ app: which, pid }) => ({ app: which, pid }))));
  }

  async #ready(child) {
    const deadline = Date.now() + readyMs;
    while (!(await answersOk(`http://${host}:${child.opsPort}/health/ready`))) {
      if (this.#signal.aborted) throw new Interrupted();
      this.check();
      if (Date.now() > deadline) throw new Problem(`${child.name} is not ready after ${readyMs / 1000} s:\n${lastLines(child.name)}`);
      await sleep(50);
    }
  }

  /** A benchmark of processes that end is none. */
  check() {
    const gone = this.#processes.find(({ how }) => how !== undefined);
    if (gone) throw new Problem(`${gone.name} ended unexpectedly (${gone.how}):\n${lastLines(gone.name)}`);
  }

  /** The channel, its consumers at the sink, and where and with which key to publish. */
  async register({ sinkPort, fanout }) {
    await this.#send('PUT', `/v1/channels/${channel}`, { description: 'Made by npm run bench' });
    for (let consumer = 1; consumer <= fanout; consumer += 1) {
      const url = `http://${host}:${sinkPort}/${consumer}`;
      await this.#send('PUT', `/v1/channels/${channel}/consumers/consumer-${consumer}`, { type: 'push', url });
    }
    const { key } = await this.#send('POST', '/v1/keys', { name: 'bench', scopes: [`publish:${channel}`] });
    return { host, port: this.#port, path: `/v1/channels/${channel}/messages`, key };
  }

  async #send(method, where, body) {
    const headers = { authorization: `Bearer ${this.#adminKey}`, 'content-type': 'application/json' };
    const init = { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) };
    const response = await fetch(`http://${host}:${this.#port}${where}`, init);
    const text = await response.text();
    if (!response.ok) throw new Problem(`${method} ${where} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  /** Warnings and errors that the apps logged. */
  complaints() {
    return this.#processes.flatMap(({ name }) =>
      readFileSync(logFile(name), 'utf8')
        .split('\n')
        .map(readable)
        .filter(Boolean)
        .map((line) => `[${name}] ${line}`),
    );
  }

  /** Ends the apps and drops the database, whatever state things are in. */
  async stop() {
    await Promise.all(this.#processes.map(({ app, pid }) => end(pid, [mainOf(app)], { patienceMs: stopMs })));
    await Promise.all(this.#processes.map(({ ended }) => ended));
    this.#processes = [];
    rmSync(recordFile(), { force: true });
    if (this.#databaseUrl) await dropDatabase(this.#databaseUrl);
  }

  /** For those who cannot wait. */
  kill() {
    for (const { pid, how } of this.#processes) if (pid && how === undefined) process.kill(pid, 'SIGKILL');
  }
}

const lastLines = (name) => tail(readFileSync(logFile(name), 'utf8'), 12);
