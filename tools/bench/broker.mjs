import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { App, appEnvironment, endNotedApps, noteApps } from '../steps/app.mjs';
import { readable } from '../steps/logs.mjs';
import { apps, makeStateDir, migrateMain } from '../steps/paths.mjs';
import { freePort } from '../steps/ports.mjs';
import { Interrupted, Problem } from '../steps/problem.mjs';
import { run } from '../steps/processes.mjs';
import { newAdminKey, newSecretKey } from '../steps/secrets.mjs';
import { ensureDatabase, withDatabase } from '../steps/sql.mjs';
import { dropDatabase, newDatabaseName, noteDatabase } from './server.mjs';

const host = '127.0.0.1';
/** Requests at a time while channels and consumers are made. */
const registering = 8;

/** One for each broker that runs. */
const recordFolder = () => makeStateDir('bench', 'processes');
const logFile = (name) => path.join(makeStateDir('bench', 'logs'), `${name}.log`);

/** Ends apps of a run that was killed. */
export async function endStaleBrokers() {
  for (const name of readdirSync(recordFolder())) await endNotedApps(path.join(recordFolder(), name));
}

/** A whole Posthorn for one measurement: an empty database, the three apps, channels with their consumers and a key that may only publish. */
export class Broker {
  #signal;
  #prefix;
  #processes = [];
  #databaseUrl;
  #adminKey = newAdminKey();
  #env;
  #port;

  /** `name` tells the logs of brokers that run at the same time apart. */
  constructor(signal, name = '') {
    this.#signal = signal;
    this.#prefix = name && `${name}-`;
  }

  get processes() {
    return this.#processes.map(({ app, pid }) => ({ name: app, pid }));
  }

  get #recordFile() {
    return path.join(recordFolder(), `${this.#prefix}broker.json`);
  }

  /** The same with what tells two dispatchers apart. */
  get children() {
    return this.#processes.map(({ app, name, pid, opsUrl }) => ({ app, name, pid, opsUrl }));
  }

  get databaseUrl() {
    return this.#databaseUrl;
  }

  /** `env` is added to what the apps find in their environment. */
  async start({ serverUrl, dispatchers, env = {} }) {
    this.#databaseUrl = withDatabase(serverUrl, newDatabaseName());
    noteDatabase(this.#databaseUrl);
    await ensureDatabase(this.#databaseUrl);
    this.#port = await freePort(host);
    const own = appEnvironment({ databaseUrl: this.#databaseUrl, adminKey: this.#adminKey, secretKey: newSecretKey() });
    this.#env = { ...own, PORT: String(this.#port), ...env };
    await run(process.execPath, ['--enable-source-maps', migrateMain], { env: this.#env, signal: this.#signal, title: 'The migration' });
    for (const app of apps) {
      const copies = app === 'dispatcher' ? dispatchers : 1;
      for (let copy = 1; copy <= copies; copy += 1) {
        const name = this.#prefix + (copies > 1 ? `${app}-${copy}` : app);
        rmSync(logFile(name), { force: true });
        await this.#launch(app, name);
      }
    }
    await Promise.all(this.#processes.map((child) => child.ready(this.#signal)));
  }

  async #launch(app, name) {
    const opsPort = await freePort(host);
    if (this.#signal.aborted) throw new Interrupted();
    const child = new App({ app, name, env: { ...this.#env, OPS_PORT: String(opsPort) }, log: logFile(name) });
    this.#processes.push(child);
    noteApps(this.#recordFile, this.#processes);
    return child;
  }

  /** Ends the process `name` by `signal` and starts another in its place; resolves when that is ready, with how the first one ended. */
  async restart(name, signal) {
    const old = this.#processes.find((child) => child.name === name);
    old.leaving = true;
    await old.stop(signal);
    this.#processes = this.#processes.filter((child) => child !== old);
    const fresh = await this.#launch(old.app, name);
    await fresh.ready(this.#signal);
    return old.how;
  }

  /** A benchmark of processes that end is none. */
  check() {
    for (const child of this.#processes) if (!child.leaving) child.check();
  }

  /** Makes `channels` (`{name, consumers: [{name, url, …settings}], …settings}` each); resolves with how to publish to them, path by path. */
  async register(channels) {
    const consumers = [];
    for (const { name: channel, consumers: its, ...more } of channels) {
      await this.send('PUT', `/v1/channels/${channel}`, { description: 'Made by npm run bench', ...more });
      for (const { name, ...settings } of its) consumers.push([`/v1/channels/${channel}/consumers/${name}`, { type: 'push', ...settings }]);
    }
    const next = consumers[Symbol.iterator]();
    const worker = async () => {
      for (const [where, body] of next) await this.send('PUT', where, body);
    };
    await Promise.all(Array.from({ length: registering }, worker));
    const scopes = channels.length === 1 ? [`publish:${channels[0].name}`] : ['publish:*'];
    const { key } = await this.send('POST', '/v1/keys', { name: 'bench', scopes });
    return {
      url: `http://${host}:${this.#port}`,
      paths: channels.map(({ name }) => `/v1/channels/${name}/messages`),
      headers: { Authorization: `Bearer ${key}` },
      body: '{payload}',
    };
  }

  /** A request with the admin key; resolves with the answer's JSON. Any answer but 2xx is a Problem. */
  async send(method, where, body) {
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
    await Promise.all(this.#processes.map((child) => child.stop()));
    this.#processes = [];
    rmSync(this.#recordFile, { force: true });
    if (this.#databaseUrl) await dropDatabase(this.#databaseUrl);
  }

  /** For those who cannot wait. */
  kill() {
    for (const child of this.#processes) child.signal('SIGKILL');
  }
}
