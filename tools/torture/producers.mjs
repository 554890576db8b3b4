import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './workload.mjs';

const answerMs = 4000;
const againMs = [50, 400];

/**
 * Producers as they should be: each message has an Idempotency-Key and is sent, to any of the ingest APIs, until one answers 2xx. `publishes` has an
 * entry for each message: when it was sent first, every definite answer in order, with its time, and how often there was none (`unanswered`) or 5xx (`failed`).
 */
export class Producers {
  publishes = [];
  #settings;
  #next = 1;
  #stopping = false;
  #working = [];

  /** `ingests()` answers the URLs to choose from; `rate` is of all `count` producers together, messages a second. */
  constructor({ seed, key, ingests, rate, count, random }) {
    this.#settings = { seed, key, ingests, everyMs: (1000 / rate) * count, random };
    this.#working = Array.from({ length: count }, (_, number) => this.#work((number / count) * this.#settings.everyMs));
  }

  get acknowledged() {
    return this.publishes.reduce((sum, { answers }) => sum + (answers.some(({ status }) => status < 300) ? 1 : 0), 0);
  }

  /** Nothing new; what is under way goes on until it is answered, or `withinMs` has passed. */
  async finish(withinMs) {
    this.#stopping = true;
    this.#settings.until = performance.now() + withinMs;
    await Promise.all(this.#working);
  }

  async #work(delayMs) {
    await sleep(delayMs);
    let dueAt = performance.now();
    while (!this.#stopping) {
      await this.#publish(messageOf(this.#settings.seed, this.#next++));
      // What an outage held up is not made up for: that would be an avalanche.
      dueAt = Math.max(dueAt + this.#settings.everyMs, performance.now());
      await sleep(dueAt - performance.now());
    }
  }

  async #publish(message) {
    const { key, channel, orderingKey, body, repeat } = message;
    const entry = { key, channel, orderingKey, sentAt: performance.now(), answers: [], conflicts: [], unanswered: 0, failed: 0 };
    this.publishes.push(entry);
    const first = () => this.#until2xx(entry, message);
    await (repeat === 'twice' ? Promise.all([first(), first()]) : first());
    if (repeat === 'again') await this.#until2xx(entry, message);
    if (repeat === 'changed' && entry.answers.length > 0) {
      await this.#until2xx({ ...entry, answers: entry.conflicts }, { ...message, body: Buffer.concat([body, Buffer.from('!')]) });
    }
  }

  /** Sends until there is an answer that is not 5xx, and notes it. */
  async #until2xx(entry, message) {
    const { random } = this.#settings;
    // Two at a time: none of them is the first for sure.
    const alone = message.repeat !== 'twice';
    while (!(performance.now() > this.#settings.until)) {
      const before = entry.unanswered + entry.failed + entry.answers.length;
      const answer = await this.#send(message);
      if (answer && answer.status < 500) {
        entry.answers.push({ ...answer, at: performance.now(), first: alone && before === 0 });
        return;
      }
      if (answer) entry.failed += 1;
      else entry.unanswered += 1;
      await sleep(random.whole(...againMs));
    }
  }

  async #send({ channel, headers, body }) {
    const { key, ingests, random } = this.#settings;
    try {
      const response = await fetch(`${random.pick(ingests())}/v1/channels/${channel}/messages`, {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${key}` },
        body,
        signal: AbortSignal.timeout(answerMs),
      });
      const { id, deliveries, code } = await response.json();
      return { status: response.status, id, deliveries, code };
    } catch {
      return undefined;
    }
  }
}
