import { setTimeout as sleep } from 'node:timers/promises';
import { Broker } from '../bench/broker.mjs';
import { nowMs } from '../bench/clock.mjs';
import { Helper } from '../bench/helper.mjs';
import { newTag } from '../bench/message.mjs';
import { Interrupted } from '../steps/problem.mjs';
import { say, step } from '../steps/progress.mjs';
import { NumberSet } from './number-set.mjs';
import { Restarts } from './restarts.mjs';
import { Sampler } from './sampler.mjs';
import { copies, sceneOf } from './scene.mjs';
import { seriesOf } from './series.mjs';

const connections = 64;
const capacitySeconds = 20;
const warmUpSeconds = 5;
/** Longer than the longest wait before a retry and than a lease that a killed process left. */
const mostDrainMs = 300_000;
const lookEveryMs = 500;

/** From an empty database to a dropped one: measures what the machine can do, soaks, waits until everything has arrived, and compares. */
export class Soak {
  #options;
  #signal;
  #broker;
  #tag = newTag();
  #sink;
  #target;
  /** Numbers of acknowledged messages. */
  #acknowledged = [];
  #published = 0;

  constructor(options, signal) {
    this.#options = options;
    this.#signal = signal;
    this.#broker = new Broker(signal);
  }

  async run(server) {
    await this.#start(server);
    const capacity = this.#options.rate === undefined ? await this.#capacity() : undefined;
    const rate = this.#options.rate ?? Math.max(1, Math.floor((capacity * this.#options.share) / 100));
    const { samples, runSeconds, restarts, errors } = await this.#soak(rate);
    await this.#drain('Waiting for the last deliveries');
    const { consumers } = await this.#sink.hear('dump', { type: 'dump' });
    this.#broker.check();
    return {
      capacity,
      rate,
      acknowledged: this.#acknowledged.length,
      errors,
      restarts,
      consumers: consumers.map(({ bits, ...rest }) => ({ ...rest, missing: this.#missingFrom(new NumberSet(bits)) })),
      series: seriesOf(samples, { runSeconds, deliveriesPerSecond: rate * copies }),
      samples,
      complaints: this.#broker.complaints().length,
    };
  }

  #missingFrom = (seen) => this.#acknowledged.reduce((count, number) => count + Number(!seen.has(number)), 0);

  async #start(server) {
    this.#sink = new Helper('../soak/sink', this.#signal, [this.#tag]);
    const { port } = await this.#sink.hear('listening');
    await step('Starting', () => this.#broker.start({ serverUrl: server.url, dispatchers: this.#options.dispatchers }));
    this.#target = await this.#broker.register(sceneOf(`http://127.0.0.1:${port}`));
  }

  /**
   * Messages a second that arrive at the consumer that gets the fewest, while more are published than can be delivered: with slots of its own that may be far fewer
   * than the others get.
   */
  async #capacity() {
    let before;
    const { load, after } = await step(`Measuring what the machine can do, ${warmUpSeconds + capacitySeconds} s`, async (detail) => {
      const order = { connections, warmUpSeconds, seconds: capacitySeconds };
      const { load: done } = await this.#publish(order, { detail, from: () => void (before = this.#counts()) });
      return { load: done, after: await this.#counts() };
    });
    const seconds = (load.until - load.from) / 1000;
    const accepted = load.numbers.length / (warmUpSeconds + seconds);
    // oxlint-disable-next-line typescript/await-thenable -- set above, when the measured time began
    const { each: earlier } = await before;
    const arrived = Math.min(...after.each.map((count, n) => count - (earlier[n] ?? 0))) / seconds;
    say(
      `  ${accepted.toFixed(0)} messages a second are accepted, ${arrived.toFixed(0)} delivered to each of ${copies} consumers at least.`,
    );
    await this.#drain('Draining');
    return Math.min(accepted, arrived);
  }

  async #soak(rate) {
    const seconds = this.#options.minutes * 60;
    const before = this.#acknowledged.length;
    let current = 0;
    const sampler = new Sampler(this.#broker, async () => Math.max(0, (before + current) * copies - (await this.#delivered())));
    const restarts = new Restarts(this.#broker, this.#options);
    const { errors } = await step(`${this.#options.minutes} minutes at ${rate} messages a second`, async (detail) => {
      sampler.start(this.#options.sampleSeconds);
      restarts.start();
      try {
        const progress = (count) => (current = count);
        return await this.#publish({ rate, warmUpSeconds: 0, seconds }, { detail, progress, check: () => restarts.check() });
      } finally {
        await sampler.stop();
        await restarts.stop();
      }
    });
    return { samples: sampler.samples, runSeconds: seconds, restarts: restarts.done, errors };
  }

  /** Publishes as told. `from` is called when the warm-up is over, `progress` with what is acknowledged, `check` now and then: it may throw. */
  async #publish(how, { detail, from = () => {}, progress = () => {}, check = () => {} }) {
    const generator = new Helper('load', this.#signal);
    const over = new AbortController();
    try {
      generator.on('from', from);
      generator.on('progress', ({ acknowledged }) => {
        progress(acknowledged);
        detail(`${acknowledged} messages acknowledged`);
      });
      const order = { ...this.#target, ...how, payload: this.#options.payload, tag: this.#tag, firstNumber: this.#published };
      const load = await Promise.race([generator.hear('done', order), this.#watch(check, over.signal)]);
      for (const number of load.numbers) this.#acknowledged.push(number);
      this.#published = Math.max(this.#published, load.numbers.at(-1) ?? 0) + 100_000;
      return { load, errors: Object.values(load.errors).reduce((sum, count) => sum + count, 0) };
    } finally {
      over.abort();
      await generator.stop();
    }
  }

  /** Never resolves; rejects when a process ended that should not have, or `check` throws. */
  async #watch(check, over) {
    while (!over.aborted) {
      await sleep(lookEveryMs);
      if (over.aborted) break;
      check();
      this.#broker.check();
    }
    return new Promise(() => {});
  }

  #counts() {
    return this.#sink.hear('count', { type: 'count' });
  }

  async #delivered() {
    return (await this.#counts()).delivered;
  }

  #drain(title) {
    const owed = this.#acknowledged.length * copies;
    return step(title, async (detail) => {
      for (const deadline = nowMs() + mostDrainMs; nowMs() < deadline; await sleep(lookEveryMs)) {
        const left = owed - (await this.#delivered());
        if (left <= 0) return;
        if (this.#signal.aborted) throw new Interrupted();
        this.#broker.check();
        detail(`${left} deliveries to come`);
      }
    });
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
