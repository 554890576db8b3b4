import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../steps/ports.mjs';

const host = '127.0.0.1';
/** Of the requests that come while a site misbehaves; the others are answered well. */
const badShare = 0.75;
/** Bytes of an answer that drips come this often. */
const dripMs = 100;

/**
 * Consumers behind one address: what is POSTed to /name is for the consumer `name`. The journal has an entry for every request that was read
 * whole: what came, and what was answered. `complete` says that the answer was handed to the network whole, `reset` that the connection
 * was broken on purpose after that.
 */
export class Site {
  #server;
  #port;
  #mode;
  #parts;

  /** `random` and `judge` as in their modules; `timeoutMs` is what dispatchers give an attempt. */
  constructor(name, { random, judge, timeoutMs, journal }) {
    this.name = name;
    this.#parts = { random, judge, timeoutMs, journal };
  }

  async open() {
    this.#port = await freePort(host);
    await this.#listen();
  }

  urlOf(consumer) {
    return `http://${host}:${this.#port}/${consumer}`;
  }

  /** Begins to misbehave in one of the ways of schedule.mjs. */
  async misbehave(mode) {
    this.#mode = mode;
    if (mode === 'refuse') await this.close();
  }

  /** Behaves well again. */
  async behave() {
    const refused = this.#mode === 'refuse';
    this.#mode = undefined;
    if (refused) await this.#listen();
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #listen() {
    // Dispatchers close idle connections after 4 s; the consumer must not be first, or a reset could be nobody's fault.
    this.#server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
    this.#server.listen({ port: this.#port, host, backlog: 1024 });
    await once(this.#server, 'listening');
  }

  async #take(request, response) {
    const { random, judge, journal } = this.#parts;
    const mode = this.#mode !== undefined && random.chance(badShare) ? this.#mode : undefined;
    if (mode === 'reset' && random.chance(0.3)) {
      request.socket.resetAndDestroy();
      return;
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const consumer = request.url.slice(1);
    const entry = { consumer, at: performance.now(), ...judge.judge({ consumer, headers: request.headers, body: Buffer.concat(chunks) }) };
    journal.push(entry);
    response.on('finish', () => Object.assign(entry, { complete: true, completedAt: performance.now() }));
    await this.#answer(mode, request, response, entry);
  }

  async #answer(mode, request, response, entry) {
    const { random, timeoutMs } = this.#parts;
    const send = (code, headers = {}) => {
      entry.code = code;
      response.writeHead(code, headers).end(code === 204 ? undefined : `answer ${code}`);
    };
    switch (mode) {
      case 'hang':
        // Half of those that hang do answer, too late.
        if (random.chance(0.5)) return;
        await sleep(timeoutMs + 300);
        return send(200);
      case 'drip':
        entry.code = 200;
        response.writeHead(200);
        while (!response.destroyed) {
          response.write('.');
          await sleep(dripMs);
        }
        return;
      case 'reset':
        if (random.chance(0.5)) {
          request.socket.resetAndDestroy();
          return;
        }
        response.on('finish', () => {
          entry.reset = true;
          request.socket.resetAndDestroy();
        });
        return send(200);
      case 'answer 503':
        return send(503, { 'retry-after': '1' });
      case 'answer 500':
        return send(500);
      case 'answer 404':
        return send(404);
      case 'be slow':
        await sleep(random.whole(200, Math.floor(timeoutMs / 2)));
        return send(random.pick([200, 202]));
      default:
        return send(random.pick([200, 200, 202, 204]));
    }
  }
}
