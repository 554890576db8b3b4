import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { appEnvironment, noteApps } from '../steps/app.mjs';
import { migrateMain } from '../steps/paths.mjs';
import { Problem } from '../steps/problem.mjs';
import { run } from '../steps/processes.mjs';
import { newAdminKey, newSecretKey } from '../steps/secrets.mjs';
import { Judge } from './arrival.mjs';
import { Counters } from './metrics.mjs';
import { randomOf } from './random.mjs';
import { Replica } from './replica.mjs';
import { processName } from './schedule.mjs';
import { Site } from './site.mjs';
import { channels, consumersOf, ordered } from './workload.mjs';

export const timeoutMs = 1500;
const settleTimeMs = 1000;
/** DELIVERY_TIMEOUT_MS + SETTLE_TIME_MS + 5 s (docs/configuration.md). */
export const leaseMs = timeoutMs + settleTimeMs + 5000;
/** As short as leases can be, so that what a fault holds up goes on while the run lasts. */
const settings = {
  DELIVERY_TIMEOUT_MS: String(timeoutMs),
  SETTLE_TIME_MS: String(settleTimeMs),
  RATIONAL_DELAY_MS: '1000',
  INLINE_FANOUT: '100',
  DATABASE_POOL: '6',
};
/** Deliveries to most consumers outlive any fault; those to two of them die, and are redriven. */
const patient = { baseSeconds: 0.2, factor: 2, capSeconds: 2, attempts: 100, jitter: true };
/** Opens within a fault, and is closed again before the run ends. */
const quickBreaker = { minimum: 5, openSeconds: 0.5, maxOpenSeconds: 2 };
const mortal = { channel: 'team', consumers: ['team-2', 'team-3'], retry: { delays: [0.1, 0.2, 0.3] } };
const readyMs = 60_000;
const answerMs = 15_000;

/** A whole Posthorn on this machine, with its consumers, that can be broken. */
export class Posthorn {
  replicas = new Map();
  sites = new Map();
  counters = new Counters();
  /** What the consumers got and answered. */
  journal = [];
  /** Processes that ended by themselves, or were told to stop. */
  ends = [];
  redriven = 0;
  #options;
  #databaseUrl;
  #signal;
  #recordFile;
  #adminKey = newAdminKey();
  #sightings = new Map();

  /** `recordFile` notes the processes, so that the next run can end what a killed one left. */
  constructor({ options, databaseUrl, signal, recordFile }) {
    this.#options = options;
    this.#databaseUrl = databaseUrl;
    this.#signal = signal;
    this.#recordFile = recordFile;
    this.consumers = consumersOf(options.consumers);
  }

  /** How many processes of each app there are. */
  get counts() {
    const { ingests, dispatchers, schedulers } = this.#options;
    return { 'ingest-api': ingests, dispatcher: dispatchers, 'failsafe-scheduler': schedulers };
  }

  /** Consumers of the small channels have an address each, those of the large one share one. */
  get siteNames() {
    return [...this.consumers.solo, ...this.consumers.team, 'crowd'];
  }

  /** Where to publish, at this moment as at any other. */
  get ingestUrls() {
    return this.#all('ingest-api').map(({ url }) => url);
  }

  /** Migrates, starts everything, and registers the channels and their consumers; returns a key that may publish. */
  async start() {
    const secrets = { adminKey: this.#adminKey, secretKey: newSecretKey() };
    const env = { ...appEnvironment({ databaseUrl: this.#databaseUrl, ...secrets }), ...settings };
    await run(process.execPath, ['--enable-source-maps', migrateMain], { env, signal: this.#signal, title: 'The migration' });
    const judge = new Judge(this.#options.seed);
    await this.#openSites(judge);
    await this.#startReplicas(env);
    await this.#register(judge);
    const { key } = await this.#api('POST', '/v1/keys', { name: 'torture', scopes: channels.map((channel) => `publish:${channel}`) });
    return key;
  }

  /** Waits until every process is ready. */
  async whole() {
    const all = [...this.replicas.values()];
    const ready = await Promise.all(all.map((replica) => replica.ready(readyMs)));
    const missing = all.filter((_, at) => !ready[at]).map(({ name }) => name);
    if (missing.length > 0) throw new Problem(`${missing.join(' and ')} did not become ready within ${readyMs / 1000} s`);
  }

  /** Sends the dead letters again. */
  async redrive() {
    for (const consumer of mortal.consumers) {
      const { count } = await this.#api('POST', `/v1/channels/${mortal.channel}/consumers/${consumer}/dead-letters/redrive`, {});
      this.redriven += count;
    }
  }

  /** The dispatchers whose statements named a message, each with the times. */
  sightingsOf(id) {
    return [...this.#sightings].flatMap(([name, seen]) => (seen.has(id) ? [[name, seen.get(id)]] : []));
  }

  /** Tells every process to stop, and waits for it. */
  async stop() {
    const all = [...this.replicas.values()];
    await Promise.all(all.map((replica) => replica.scrape()));
    await Promise.all(all.map((replica) => replica.stop()));
  }

  /** Ends everything at once. */
  async close() {
    await Promise.all([...this.replicas.values()].map((replica) => replica.close()));
    await Promise.all([...this.sites.values()].map((site) => site.close()));
  }

  #all(app) {
    return [...this.replicas.values()].filter((replica) => replica.app === app);
  }

  async #openSites(judge) {
    for (const name of this.siteNames) {
      const random = randomOf(this.#options.seed, `site ${name}`);
      const site = new Site(name, { random, judge, timeoutMs, journal: this.journal });
      await site.open();
      this.sites.set(name, site);
    }
  }

  async #startReplicas(env) {
    const logs = path.join(this.#options.dir, 'logs');
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    for (const [app, count] of Object.entries(this.counts)) {
      for (let number = 1; number <= count; number += 1) await this.#open(app, processName(app, number), { env, logs });
    }
    for (const replica of this.replicas.values()) replica.start();
    await this.whole();
  }

  async #open(app, name, { env, logs }) {
    const sightings = app === 'dispatcher' ? new Map() : undefined;
    if (sightings) this.#sightings.set(name, sightings);
    const { counters, ends } = this;
    const replica = new Replica({ app, name, logs, sightings, counters, ends, signal: this.#signal, onStart: () => this.#note() });
    await replica.open(env);
    this.replicas.set(name, replica);
  }

  #note() {
    const running = [...this.replicas.values()].flatMap((replica) => replica.process ?? []);
    noteApps(this.#recordFile, running);
  }

  async #register(judge) {
    for (const channel of channels) {
      await this.#api('PUT', `/v1/channels/${channel}`, { retry: patient });
      for (const consumer of this.consumers[channel]) {
        const site = this.sites.get(consumer) ?? this.sites.get(channel);
        const retry = mortal.consumers.includes(consumer) ? mortal.retry : undefined;
        const ordering = ordered.includes(consumer) ? 'key' : 'none';
        const body = { type: 'push', url: site.urlOf(consumer), retry, breaker: quickBreaker, ordering };
        const { signingSecret } = await this.#api('PUT', `/v1/channels/${channel}/consumers/${consumer}`, body);
        judge.trust(consumer, signingSecret);
      }
    }
  }

  /** A request to the first ingest API that must succeed. */
  async #api(method, where, body) {
    const headers = { authorization: `Bearer ${this.#adminKey}`, 'content-type': 'application/json' };
    const init = { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(answerMs) };
    const response = await fetch(`${this.ingestUrls[0]}${where}`, init);
    const text = await response.text();
    if (!response.ok) throw new Problem(`${method} ${where} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }
}
