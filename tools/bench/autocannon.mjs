import { createRequire } from 'node:module';
import { nowMs } from './clock.mjs';

/** The same load by a program that we did not write, to check ours against: connections that are always busy. It takes twice the CPU of ours. */
export class Autocannon {
  #order;
  #request;
  #journal;
  #running;

  constructor(order, [request], journal) {
    this.#order = order;
    this.#request = request;
    this.#journal = journal;
  }

  keepBusy() {
    const autocannon = createRequire(import.meta.url)('autocannon');
    const { url, paths, headers, connections } = this.#order;
    const journal = this.#journal;
    const request = this.#request;
    const one = {
      method: 'POST',
      path: paths[0],
      setupRequest(built, context) {
        Object.assign(context, { number: journal.begin(), path: 0, due: nowMs() });
        return { ...built, body: request.bytes(context.number).subarray(request.bodyAt) };
      },
      onResponse: (status, _body, context) => journal.answered(context, status),
    };
    const all = { 'content-type': 'application/json', ...headers };
    this.#running = autocannon({ url, connections, duration: 86_400, timeout: 10, headers: all, requests: [one] });
    this.#running.on('reqError', (error) => journal.failed(error.code ?? error.message));
  }

  /** It cuts off what is under way: those messages may have been accepted, but were not acknowledged to us. */
  async finish() {
    this.#running.stop();
    await this.#running;
  }
}
