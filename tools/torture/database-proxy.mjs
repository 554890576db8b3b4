import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { isWholeAnswer } from './server-answer.mjs';

const host = '127.0.0.1';
const queryCommand = 3;
const longestPacket = 0xffffff;
/** If what comes back cannot be read, the answer counts as complete after this. */
const answerMs = 2000;
const commitForm = /\bCOMMIT\b/i;
const idForm = /\b\d{17,19}\b/g;

/**
 * Stands between one process and the database, and cuts its connections: at once, or at a COMMIT, before it reaches the server or after the
 * server has executed it; or lets nothing pass for a while. It also notes which messages the process's statements name, and when.
 */
export class DatabaseProxy {
  #server;
  #links = new Set();
  #stalled = false;
  #armed = [];
  #sightings;

  /** `sightings`, when given, is a map that gets the times by message id. */
  constructor(sightings) {
    this.#sightings = sightings;
  }

  async open(databaseUrl) {
    const { hostname, port } = new URL(databaseUrl);
    const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 3306) };
    this.#server = createServer((client) => {
      const link = new Link(client, connect(target), this);
      this.#links.add(link);
      if (this.#stalled) link.stall();
      client.on('close', () => this.#links.delete(link));
    });
    this.#server.listen({ port: 0, host });
    await once(this.#server, 'listening');
    const through = new URL(databaseUrl);
    through.hostname = host;
    through.port = String(this.#server.address().port);
    /** The database through this proxy. */
    this.url = String(through);
  }

  /** Cuts at the next COMMIT, `before` or `after` the server executed it; resolves with true then, or with false once `signal` fires. */
  cutAtCommit(when, signal) {
    return new Promise((resolve) => {
      const trap = { when, sprung: () => resolve(true) };
      this.#armed.push(trap);
      signal.addEventListener('abort', () => {
        this.#armed = this.#armed.filter((one) => one !== trap);
        resolve(false);
      });
    });
  }

  /** Cuts all connections; says how many there were. */
  cutAll() {
    const count = this.#links.size;
    for (const link of this.#links) link.cut();
    return count;
  }

  /** Nothing moves until `flow`, and no connection is broken: what a network that drops packets looks like. */
  stall() {
    this.#stalled = true;
    for (const link of this.#links) link.stall();
  }

  flow() {
    this.#stalled = false;
    for (const link of this.#links) link.flow();
  }

  async close() {
    this.cutAll();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** Called with each query; returns where to cut the connection, if at all. */
  look(packet) {
    if (!this.#sightings && this.#armed.length === 0) return undefined;
    // Several statements may travel in one packet, COMMIT the last of them.
    const text = packet.toString('latin1', 5);
    if (this.#sightings) this.#note(text);
    return this.#armed.length > 0 && commitForm.test(text) ? this.#armed.shift() : undefined;
  }

  #note(text) {
    const at = performance.now();
    for (const [id] of text.matchAll(idForm)) {
      const times = this.#sightings.get(id);
      if (!times) this.#sightings.set(id, [at]);
      else if (times.at(-1) !== at) times.push(at);
    }
  }
}

/** One connection, seen packet by packet (three bytes of length, one of sequence) on its way to the server. */
class Link {
  #client;
  #upstream;
  #proxy;
  #pending = Buffer.alloc(0);
  /** What the server answers to a COMMIT, kept back. */
  #answer;
  #trap;

  constructor(client, upstream, proxy) {
    this.#client = client;
    this.#upstream = upstream;
    this.#proxy = proxy;
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => this.#toServer(bytes));
    upstream.on('data', (bytes) => this.#toClient(bytes));
  }

  /** A reset for the process; for the server, the end of the connection. */
  cut() {
    this.#client.resetAndDestroy();
    this.#upstream.destroy();
    this.#trap?.sprung();
    this.#trap = undefined;
  }

  stall() {
    this.#client.pause();
    this.#upstream.pause();
  }

  flow() {
    this.#client.resume();
    this.#upstream.resume();
  }

  #toServer(bytes) {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readUIntLE(0, 3);
      if (this.#pending.length < end || this.#client.destroyed) return;
      const packet = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      this.#pass(packet);
    }
  }

  #pass(packet) {
    const isQuery = packet[3] === 0 && packet[4] === queryCommand && packet.length < longestPacket;
    const trap = isQuery && !this.#trap ? this.#proxy.look(packet) : undefined;
    this.#trap ??= trap;
    if (trap?.when === 'before') {
      this.cut();
      return;
    }
    if (trap) {
      this.#answer = Buffer.alloc(0);
      setTimeout(() => this.cut(), answerMs).unref();
    }
    this.#upstream.write(packet);
  }

  #toClient(bytes) {
    if (!this.#answer) {
      this.#client.write(bytes);
      return;
    }
    this.#answer = Buffer.concat([this.#answer, bytes]);
    if (isWholeAnswer(this.#answer)) this.cut();
  }
}
