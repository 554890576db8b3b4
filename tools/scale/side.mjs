import { setTimeout as sleep } from 'node:timers/promises';
import { Broker } from '../bench/broker.mjs';
import { nowMs } from '../bench/clock.mjs';
import { percentile } from '../bench/figures.mjs';
import { Helper } from '../bench/helper.mjs';
import { startSink } from '../bench/measure.mjs';
import { memoryOf } from '../bench/memory.mjs';
import { newTag } from '../bench/message.mjs';
import { Interrupted } from '../steps/problem.mjs';
import { step } from '../steps/progress.mjs';
import { calm, relaxed } from './durability.mjs';
import { Loader } from './loader.mjs';
import { histograms, readRecordings, recordingEnvironment } from './recordings.mjs';
import { busiestChannel, sceneOf } from './scene.mjs';
import { consumerIds } from './server-state.mjs';
import { StatusProbe } from './status-probe.mjs';

const payload = 512;
const slowConsumer = `/v1/channels/${busiestChannel}/consumers/slow`;
/** What the quick consumers are still owed when publishing ends arrives within this, or never. */
const drainMs = 60_000;
const lookEveryMs = 200;

/** One of the two that take turns: a whole Posthorn of its own, loaded as its case says, with its consumers and what was seen of it. */
export class Side {
  #one;
  #signal;
  #recordings;
  #rate;
  #broker;
  #probe;
  #sink;
  #order;
  #published = 0;
  #acknowledged = 0;

  constructor(one, { signal, recordings, rate }) {
    this.#one = one;
    this.#signal = signal;
    this.#recordings = recordings;
    this.#rate = rate;
    this.#broker = new Broker(signal, one.kind);
    this.#probe = new StatusProbe(this.#broker);
  }

  get databaseUrl() {
    return this.#broker.databaseUrl;
  }

  /** Resident MiB of the processes, by name. */
  get memoryMiB() {
    return memoryOf(this.#broker.processes);
  }

  async start({ server, days }) {
    const { name } = this.#one;
    const tag = newTag();
    const { sink, heard } = await startSink({ tag, signal: this.#signal });
    this.#sink = sink;
    const env = recordingEnvironment(this.#recordings);
    await step(`${name}: starting`, () => this.#broker.start({ serverUrl: server.url, dispatchers: 1, env }));
    const { channels, published } = sceneOf(this.#one, `http://127.0.0.1:${heard.port}`);
    const target = await step(`${name}: registering`, () => this.#broker.register(channels));
    this.#order = { ...target, paths: target.paths.slice(0, published), payload, tag, rate: this.#rate };
    await this.#load(server, days);
  }

  /** The slow consumer is paused meanwhile, so that a backlog is as deep as it should be when the first turn begins. */
  async #load(server, days) {
    const { name, rows, backlog } = this.#one;
    const { channelId, quick, slow } = await consumerIds(this.databaseUrl, busiestChannel);
    await this.#broker.send('POST', `${slowConsumer}/pause`);
    await step(`${name}: loading`, (detail) =>
      relaxed(server, async () => {
        const loader = new Loader(this.databaseUrl, {
          signal: this.#signal,
          onRows: (count) => detail(`${(count / 1e6).toFixed(1)} M rows`),
        });
        await loader.history({ deliveries: rows, days, channelId, consumerIds: [quick, slow] });
        if (backlog > 0) await loader.backlog({ deliveries: backlog, channelId, consumerId: slow });
      }),
    );
    await step(`${name}: waiting until it is written`, (detail) => calm(server, { signal: this.#signal, detail }));
    if (backlog === 0) await this.#broker.send('POST', `${slowConsumer}/resume`);
  }

  /** Publishes for a while; resolves with what the load generator reports and what `/v1/status` took meanwhile. */
  async turn({ warmUpSeconds, seconds }) {
    const { backlog } = this.#one;
    const generator = new Helper('load', this.#signal);
    if (backlog > 0) await this.#broker.send('POST', `${slowConsumer}/resume`);
    try {
      generator.on('from', () => this.#probe.start());
      const load = await generator.hear('done', { ...this.#order, warmUpSeconds, seconds, firstNumber: this.#published });
      this.#published += Math.ceil((warmUpSeconds + seconds) * this.#rate) + 1000;
      this.#acknowledged += load.numbers.length;
      return { ...load, statusTimes: this.#probe.stop() };
    } finally {
      this.#probe.stop();
      await generator.stop();
      if (backlog > 0) await this.#broker.send('POST', `${slowConsumer}/pause`);
      this.#broker.check();
    }
  }

  /** Waits until the quick consumers have everything, within bounds; resolves with how much they have not. */
  async missing() {
    for (const deadline = nowMs() + drainMs; ; await sleep(lookEveryMs)) {
      const { unique } = await this.#sink.hear('count', { type: 'count', prefix: '/quick' });
      if (unique >= this.#acknowledged || nowMs() > deadline) return Math.max(0, this.#acknowledged - unique);
      if (this.#signal.aborted) throw new Interrupted();
      this.#broker.check();
    }
  }

  /** What the turns `loads` show: times in ms, and deliveries a second. */
  async figures(loads) {
    const pids = this.#broker.processes.map(({ pid }) => pid);
    const recorded = loads.map((load) => readRecordings(this.#recordings, pids, load));
    const [claim, settle, accept] = histograms.map((name) => summary(recorded.flatMap((times) => times[name])));
    const { consumers } = await this.#sink.hear('dump', { type: 'dump', prefix: '/' });
    const { waits, delivered } = arrivals(loads, consumers);
    return {
      seconds: loads.reduce((sum, { from, until }) => sum + (until - from) / 1000, 0),
      claim,
      settle,
      accept,
      arrival: summary(waits),
      status: summary(loads.flatMap((load) => load.statusTimes)),
      delivered,
      errors: loads.flatMap((load) => Object.values(load.errors)).reduce((sum, count) => sum + count, 0),
    };
  }

  complaints() {
    return this.#broker.complaints();
  }

  async stop() {
    await this.#sink?.stop();
    await this.#broker.stop();
  }

  /** For those who cannot wait. */
  kill() {
    this.#broker.kill();
  }
}

const summary = (times) => ({ count: times.length, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) });

/** How long messages took to reach the quick consumer, and how many deliveries of both arrived during the turns. */
function arrivals(loads, consumers) {
  const waits = [];
  const measured = (at) => loads.some(({ from, until }) => at >= from && at < until);
  const delivered = consumers.reduce((sum, { times }) => sum + times.filter(measured).length, 0);
  const quick = consumers.find(({ path }) => path === '/quick');
  const cameAt = new Map(quick ? [...quick.numbers].map((number, n) => [number, quick.times[n]]) : []);
  for (const { numbers, times, from, until } of loads) {
    for (const [n, number] of numbers.entries()) {
      const [due, ackedAt] = [times[2 * n], times[2 * n + 1]];
      if (ackedAt >= from && ackedAt < until && cameAt.has(number)) waits.push(cameAt.get(number) - due);
    }
  }
  return { waits, delivered };
}
