import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { App } from '../steps/app.mjs';
import { freePort } from '../steps/ports.mjs';
import { Interrupted } from '../steps/problem.mjs';
import { DatabaseProxy } from './database-proxy.mjs';

const host = '127.0.0.1';
/** A process that ends by itself is started again after this, as whoever runs it in production would do. */
const againMs = 500;
const scrapeMs = 500;

/**
 * The place of one process: it is killed, frozen and started again here, always on the same ports and behind the same proxy. `ends` gets an entry
 * for every end that was not ours, and for every stop.
 */
export class Replica {
  #parts;
  #env;
  #wanted = false;
  #current;
  #frozen = false;

  /** `sightings`: see DatabaseProxy. */
  constructor({ app, name, signal, counters, logs, ends, onStart, sightings }) {
    this.app = app;
    this.name = name;
    this.#parts = { signal, counters, log: path.join(logs, `${name}.log`), ends, onStart };
    this.proxy = new DatabaseProxy(sightings);
  }

  async open(env) {
    await this.proxy.open(env.DATABASE_URL);
    const opsPort = await freePort(host);
    this.port = await freePort(host);
    this.#env = { ...env, DATABASE_URL: this.proxy.url, OPS_PORT: String(opsPort), PORT: String(this.port) };
  }

  get url() {
    return `http://${host}:${this.port}`;
  }

  /** The process that runs here now, for noting it. */
  get process() {
    return this.#current?.running ? { app: this.app, pid: this.#current.pid } : undefined;
  }

  /** Starts it; if it ends by itself it is started again. */
  start() {
    this.#wanted = true;
    const { signal, log, onStart } = this.#parts;
    const app = new App({ app: this.app, name: this.name, env: this.#env, log });
    this.#current = app;
    onStart();
    void this.#watch(app, signal);
  }

  async #watch(app, signal) {
    app.wasReady = await app.ready(signal).then(
      () => true,
      () => false,
    );
    await app.ended;
    if (!this.#wanted || this.#current !== app) return;
    this.#parts.ends.push({ name: this.name, how: app.how, unasked: true, wasReady: app.wasReady, log: app.lastLines() });
    await sleep(againMs);
    if (this.#wanted && this.#current === app) this.start();
  }

  /** Resolves once it is ready, whichever run of it that is. */
  async ready(withinMs) {
    const deadline = performance.now() + withinMs;
    while (!this.#current?.wasReady || !this.#current.running) {
      if (this.#parts.signal.aborted) throw new Interrupted();
      if (performance.now() > deadline) return false;
      await sleep(50);
    }
    return true;
  }

  /** SIGKILL. */
  async kill() {
    this.#wanted = false;
    this.#current?.signal('SIGKILL');
    await this.#current?.ended;
  }

  /** SIGTERM, as a deployment does it. */
  async stop() {
    this.#wanted = false;
    const app = this.#current;
    if (!app?.running) return;
    const { wasReady = false } = app;
    const from = performance.now();
    const clean = (await app.stop()) && app.how === 'exit status 0';
    this.#parts.ends.push({
      name: this.name,
      how: app.how,
      unasked: false,
      wasReady,
      clean,
      from,
      until: performance.now(),
      log: app.lastLines(),
    });
  }

  freeze() {
    this.#frozen = true;
    this.#current?.signal('SIGSTOP');
  }

  thaw() {
    this.#frozen = false;
    this.#current?.signal('SIGCONT');
  }

  /** Notes its counters; a process that does not answer at once keeps those that were seen last. */
  async scrape() {
    const app = this.#current;
    if (!app?.running || this.#frozen) return;
    try {
      const response = await fetch(`${app.opsUrl}/metrics`, { signal: AbortSignal.timeout(scrapeMs) });
      this.#parts.counters.see(app, await response.text());
    } catch {
      // not listening yet, or busy
    }
  }

  /** Ends it and its proxy at once. */
  async close() {
    this.#wanted = false;
    this.#current?.signal('SIGKILL');
    await this.#current?.ended;
    await this.proxy.close();
  }
}
