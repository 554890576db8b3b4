import { nowMs } from '../bench/clock.mjs';

const everyMs = 250;
/** The largest page. */
const limit = 500;

/** Asks for `/v1/status` again and again, as dashboards do. */
export class StatusProbe {
  #broker;
  #times = [];
  #timer;

  constructor(broker) {
    this.#broker = broker;
  }

  start() {
    this.#times = [];
    this.#timer = setTimeout(() => void this.#ask(), 0);
  }

  /** Returns what each answer since the start took, in ms. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#times;
  }

  async #ask() {
    const askedAt = nowMs();
    await this.#broker.send('GET', `/v1/status?limit=${limit}`).catch(() => undefined);
    if (!this.#timer) return;
    this.#times.push(nowMs() - askedAt);
    this.#timer = setTimeout(() => void this.#ask(), everyMs);
  }
}
