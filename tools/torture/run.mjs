import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../steps/problem.mjs';
import { step } from '../steps/progress.mjs';
import { check } from './checker.mjs';
import { readHot, readStored } from './database.mjs';
import { Faults } from './faults.mjs';
import { leaseMs, Posthorn, timeoutMs } from './posthorn.mjs';
import { Producers } from './producers.mjs';
import { randomOf } from './random.mjs';
import { schedule } from './schedule.mjs';
import { ordered } from './workload.mjs';

const producerCount = 8;
const redriveEveryMs = 5000;
const lookEveryMs = 500;
/** What is published gets its answer this long after everything is whole again, or never. */
const answerMs = 60_000;
/** Whatever is not finished this long after that never will be. */
const drainMs = 300_000;

/** One run: a Posthorn that is broken for `options.minutes`, made whole, and judged. */
export class Torture {
  #options;
  #database;
  #signal;
  #posthorn;
  #faults;
  #producers;
  #key;

  /** `breakable`: whether the database is ours to break. */
  constructor({ options, database, breakable, signal, recordFile }) {
    this.#options = options;
    this.#database = database;
    this.#signal = signal;
    this.#posthorn = new Posthorn({ options, databaseUrl: database.url, signal, recordFile });
    const { counts, siteNames: sites, replicas, sites: siteMap } = this.#posthorn;
    this.#faults = new Faults({ replicas, sites: siteMap, database, signal });
    this.durationMs = options.minutes * 60_000;
    const { seed } = options;
    this.schedule = schedule({ seed, durationMs: this.durationMs, counts, sites, leaseMs, databaseKills: breakable });
  }

  /** All of it; resolves with the verdict of the checker and what was counted. */
  async run() {
    const { minutes, seed } = this.#options;
    await step('Starting the processes', () => this.#start());
    const title = `Breaking things for ${minutes} min (--seed ${seed}, ${this.schedule.length} faults)`;
    await step(title, (detail) => this.#break(detail));
    await step('Making everything whole', () => this.#heal());
    await step('Draining', (detail) => this.#drain(detail));
    return step('Stopping the processes and checking', () => this.#judge());
  }

  async #start() {
    this.#key = await this.#posthorn.start();
    await this.#database.begin();
  }

  async #break(detail) {
    const { seed, rate } = this.#options;
    const ingests = () => this.#posthorn.ingestUrls;
    const random = randomOf(seed, 'producers');
    this.#producers = new Producers({ seed, key: this.#key, ingests, rate, count: producerCount, random });
    const looks = setInterval(() => detail(this.#progress()), lookEveryMs);
    const redrives = setInterval(() => void this.#posthorn.redrive().catch(() => {}), redriveEveryMs);
    try {
      await this.#faults.run(this.schedule, this.durationMs);
    } finally {
      clearInterval(looks);
      clearInterval(redrives);
    }
    if (this.#signal.aborted) throw new Interrupted();
  }

  #progress() {
    const { done, broken } = this.#faults;
    const now = [...broken].join(', ');
    return `${this.#producers.acknowledged} acknowledged, ${this.#posthorn.journal.length} arrived, ${done.length} faults${now && `; now: ${now}`}`;
  }

  async #heal() {
    await this.#faults.heal();
    await this.#posthorn.whole();
    await this.#producers.finish(answerMs);
  }

  /** Waits until nothing is unfinished, redriving what died; a table that does not become empty is for the checker. */
  async #drain(detail) {
    const deadline = performance.now() + drainMs;
    while (performance.now() < deadline) {
      if (this.#signal.aborted) throw new Interrupted();
      const { dead_letter: dead, ...hot } = await readHot(this.#database.url);
      const unfinished = Object.values(hot).reduce((sum, rows) => sum + rows, 0);
      detail(`${unfinished} rows of unfinished work, ${dead} dead letters`);
      if (unfinished === 0 && dead === 0) return;
      // What waits behind a dead letter of its key waits for us.
      if (hot.fanout + hot.ready + hot.retry === 0) await this.#posthorn.redrive();
      await sleep(200);
    }
  }

  async #judge() {
    const posthorn = this.#posthorn;
    await posthorn.stop();
    const { url } = this.#database;
    const { publishes } = this.#producers;
    const keys = publishes.map(({ key }) => key);
    const verdict = check({
      consumers: posthorn.consumers,
      publishes,
      arrivals: posthorn.journal,
      stored: { ...(await readStored(url, keys)), hot: await readHot(url) },
      faults: this.#faults.done,
      sightingsOf: (id) => posthorn.sightingsOf(id),
      ends: posthorn.ends,
      ordered,
      timeoutMs,
      leaseMs,
    });
    return { ...verdict, counted: await this.#counted(), faults: this.#faults.done, ends: posthorn.ends };
  }

  /** What processes and the server counted; not for judging, because a process that is killed takes its last counts with it. */
  async #counted() {
    const { counters, redriven, ends } = this.#posthorn;
    return {
      fenced: counters.sum('posthorn_fenced_total'),
      rescued: counters.sum('posthorn_rescued_total'),
      dead: counters.sum('posthorn_dead_total'),
      repaired: counters.sum('posthorn_failsafe_repaired_total'),
      transactionRetries: counters.by('posthorn_transaction_retries_total', 'code'),
      database: await this.#database.counted(),
      redriven,
      failedStarts: ends.filter(({ unasked }) => unasked).length,
    };
  }

  /** Ends everything, whatever state it is in. */
  async close() {
    await this.#faults.heal().catch(() => {});
    await this.#producers?.finish(0);
    await this.#posthorn.close();
  }

  /** For those who cannot wait. */
  kill() {
    for (const replica of this.#posthorn.replicas.values()) void replica.kill();
  }
}
