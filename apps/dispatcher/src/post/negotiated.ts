import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type buildConnector, type Dispatcher, Pool } from 'undici';
import { Http2StreamError } from './errors.js';
import { Http2Connection } from './http2-connection.js';
import { Http2Request, type PostOptions, type Undone } from './http2-request.js';
import { type ConnectTimes, noTimes, timed, TimedClient } from './timed-client.js';

/** How often a request that a peer did not process is sent anew before that is a failure. */
const MAX_REFUSALS = 3;
/** A consumer that speaks HTTP/1.1 is asked again after this. */
const ASK_AGAIN_MS = 600_000;

export interface NegotiatedOptions {
  /** Of both protocols together. */
  readonly connections: number;
  /** Offers HTTP/2 by ALPN. */
  readonly offer: buildConnector.connector;
  /** Offers HTTP/1.1 alone. */
  readonly connect: buildConnector.connector;
  readonly pool: Pool.Options;
  readonly settingsWithinMs: number;
}

/**
 * Connections to a consumer that is reached by https: HTTP/2 when it offers that by ALPN, otherwise HTTP/1.1. A further HTTP/2 connection is opened only when the
 * peer allows no more streams on those that are there.
 */
export class Negotiated {
  private readonly pool: Pool;
  /** Until when the consumer is taken to speak HTTP/1.1. */
  private http1Until = -Infinity;
  /** Connections on which HTTP/1.1 was agreed while HTTP/2 was offered. */
  private readonly spares: Socket[] = [];
  private readonly connections = new Set<Http2Connection>();
  private waiting: Http2Request[] = [];
  private connecting = false;
  private closing = false;

  constructor(
    private readonly origin: URL,
    private readonly options: NegotiatedOptions,
  ) {
    this.pool = new Pool(origin.origin, {
      ...options.pool,
      connections: options.connections,
      factory: (url, clientOptions) => new TimedClient(url, clientOptions, (...asked) => this.connectHttp1(...asked)),
    });
  }

  dispatch(options: PostOptions, handler: Dispatcher.DispatchHandler): void {
    if (performance.now() < this.http1Until) {
      this.overHttp1(options, handler);
      return;
    }
    const request = new Http2Request(options, handler, (aborted) => this.givenUp(aborted));
    this.waiting.push(request);
    handler.onRequestStart?.(request, {});
    this.pump();
  }

  /** Requests under way finish; then its connections close. */
  async close(): Promise<void> {
    this.closing = true;
    this.pump();
    await this.pool.close();
    this.dropSpares();
  }

  async destroy(): Promise<void> {
    this.closing = true;
    const closed = new Error('shutting down');
    for (const request of this.waiting.splice(0)) request.fail(closed);
    for (const connection of this.connections) connection.destroy();
    this.dropSpares();
    await this.pool.destroy();
  }

  private overHttp1(options: PostOptions, handler: Dispatcher.DispatchHandler): void {
    this.pool.dispatch(options, handler);
  }

  private connectHttp1(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const spare = this.spares.pop();
    // Not at once: undici does not expect that, and would leave the request where it is.
    if (spare && !spare.destroyed) setImmediate(callback, null, spare);
    // The socket, for those who measure: its type says that nothing is returned.
    else return this.options.connect(options, callback);
  }

  private pump(): void {
    for (const connection of this.connections) {
      if (connection.closed) this.remove(connection);
      while (connection.hasRoom && this.waiting.length > 0) this.send(connection, this.waiting.shift()!);
    }
    if (this.waiting.length > 0 && this.mayConnect) this.connect();
    if (this.closing && this.waiting.length === 0) for (const connection of this.connections) connection.drain();
  }

  private send(connection: Http2Connection, request: Http2Request): void {
    if (request.aborted) return;
    try {
      request.options.connection = connection.times;
      if (!connection.send(request)) this.waiting.unshift(request);
    } catch (error) {
      request.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private get mayConnect(): boolean {
    if (this.connecting || this.connections.size >= this.options.connections) return false;
    return [...this.connections].every((connection) => connection.isFull);
  }

  private connect(): void {
    this.connecting = true;
    const times = noTimes();
    for (const { options } of this.waiting) options.connection = times;
    const { hostname, host, protocol, port } = this.origin;
    timed(this.options.offer, times)({ hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port }, (error, socket) => {
      this.connecting = false;
      if (error) this.failAll(error);
      else if (isHttp2(socket)) this.add(socket, times);
      else this.fallBack(socket);
      this.pump();
    });
  }

  private add(socket: Socket, times: ConnectTimes): void {
    const events = { changed: () => this.pump(), undone: (request: Http2Request, why: Undone) => this.again(request, why) };
    const connection = new Http2Connection(socket, this.origin, events, { times, settingsWithinMs: this.options.settingsWithinMs });
    this.connections.add(connection);
  }

  /** One that closed before it was of any use would be followed by others of its kind. */
  private remove(connection: Http2Connection): void {
    this.connections.delete(connection);
    if (!connection.used) this.failAll(connection.failure ?? new Http2StreamError(0));
  }

  private fallBack(socket: Socket): void {
    this.spares.push(socket);
    this.http1Only();
  }

  private http1Only(): void {
    this.http1Until = performance.now() + ASK_AGAIN_MS;
    for (const { aborted, options, handler } of this.waiting.splice(0)) if (!aborted) this.overHttp1(options, handler);
  }

  private again(request: Http2Request, why: Undone): void {
    this.waiting.unshift(request);
    if (why === 'http1-required') this.http1Only();
    else if (++request.refusals >= MAX_REFUSALS) {
      this.waiting.shift();
      request.fail(new Http2StreamError(constants.NGHTTP2_REFUSED_STREAM));
    }
  }

  /** Those that wait for a stream on a connection that is there go on waiting. */
  private failAll(error: Error): void {
    if ([...this.connections].some((connection) => !connection.closed)) return;
    for (const request of this.waiting.splice(0)) request.fail(error);
  }

  private givenUp(request: Http2Request): void {
    this.waiting = this.waiting.filter((one) => one !== request);
    for (const connection of this.connections) if (connection.has(request)) connection.prove();
  }

  private dropSpares(): void {
    for (const spare of this.spares.splice(0)) spare.destroy();
  }
}

const isHttp2 = (socket: Socket | TLSSocket): boolean => 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
