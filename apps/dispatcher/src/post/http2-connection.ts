import { connect, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Http2Request, Undone } from './http2-request.js';
import type { ConnectTimes } from './timed-client.js';

/** Without a request for so long, a connection is closed. Servers that close sooner say so, and what they did not process is sent anew. */
const IDLE_MS = 30_000;
/** A connection on which a request was given up has to prove within this that somebody is there. */
const PROOF_MS = 5_000;
/** From then on others do not wait for the proof. */
const DOUBT_MS = 500;
/** Of the answer's headers. */
const MAX_HEADER_BYTES = 16 * 1024;

export interface Http2Events {
  /** There may be room for more, or less than there was. */
  readonly changed: () => void;
  /** The request was not processed, for this reason, and may be sent anew. */
  readonly undone: (request: Http2Request, why: Undone) => void;
}

/**
 * One HTTP/2 connection to a consumer, and the streams on it: as many as the peer allows, which is known once it has sent its settings. It also has to have
 * acknowledged ours: a stream that is opened before takes an answer with headers of any size.
 */
export class Http2Connection {
  private readonly session: ClientHttp2Session;
  private readonly requests = new Set<Http2Request>();
  private limit = 0;
  private allowed: number | undefined;
  private draining = false;
  private proving = false;
  private doubtful = false;
  private idle: NodeJS.Timeout | undefined;
  private readonly began: NodeJS.Timeout;
  readonly times: ConnectTimes;
  closed = false;
  /** Whether a request was ever sent on it. */
  used = false;
  failure: Error | undefined;

  constructor(
    socket: Socket,
    private readonly origin: URL,
    private readonly events: Http2Events,
    { times, settingsWithinMs }: { times: ConnectTimes; settingsWithinMs: number },
  ) {
    this.times = times;
    this.session = connect(origin, {
      createConnection: () => socket,
      settings: { enablePush: false, maxHeaderListSize: MAX_HEADER_BYTES },
    });
    this.began = setTimeout(() => this.session.destroy(new Error('the peer has not agreed on settings')), settingsWithinMs);
    this.session.on('remoteSettings', ({ maxConcurrentStreams = Infinity }) => {
      this.allowed = maxConcurrentStreams;
      this.begin();
    });
    this.session.on('localSettings', () => this.begin());
    this.session.on('goaway', () => this.drain());
    this.session.on('error', (error) => (this.failure = error));
    this.session.on('close', () => this.end());
  }

  /** Whether one more request can be sent now. */
  get hasRoom(): boolean {
    return !this.closed && !this.draining && !this.proving && this.requests.size < this.limit;
  }

  /** Whether all that the peer allows is in use: a further connection may help. Not before it has said what it allows, nor when that is nothing. */
  get isFull(): boolean {
    return this.draining || this.doubtful || (this.limit > 0 && this.requests.size >= this.limit);
  }

  /** False when the connection takes no more streams after all, and nothing was sent. Throws what is wrong with the request itself. */
  send(request: Http2Request): boolean {
    clearTimeout(this.idle);
    this.requests.add(request);
    try {
      request.send(this.session, this.origin, (undone) => this.ended(request, undone));
      this.used = true;
      return true;
    } catch (error) {
      this.requests.delete(request);
      this.rest();
      if (!takesNoMore(error)) throw error;
      this.drain();
      return false;
    }
  }

  /** After a request was given up: one that hangs alone leaves the connection as it is, and a connection that is dead holds nobody else up. */
  prove(): void {
    if (this.proving || this.closed) return;
    this.proving = true;
    const doubt = setTimeout(() => {
      this.doubtful = true;
      this.events.changed();
    }, DOUBT_MS);
    const end = setTimeout(() => this.session.destroy(new Error('the peer has not answered a ping')), PROOF_MS);
    const proved = (): void => {
      clearTimeout(doubt);
      clearTimeout(end);
      this.proving = false;
      this.doubtful = false;
      this.events.changed();
    };
    if (!this.session.ping(proved)) proved();
  }

  /** No more requests; it closes when those under way are over. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.session.close();
    this.events.changed();
  }

  destroy(): void {
    this.session.destroy();
  }

  has(request: Http2Request): boolean {
    return this.requests.has(request);
  }

  private begin(): void {
    if (this.allowed === undefined || this.session.pendingSettingsAck) return;
    clearTimeout(this.began);
    this.limit = this.allowed;
    this.rest();
    this.events.changed();
  }

  private ended(request: Http2Request, undone: Undone | undefined): void {
    this.requests.delete(request);
    this.rest();
    if (undone) this.events.undone(request, undone);
    this.events.changed();
  }

  private rest(): void {
    clearTimeout(this.idle);
    if (this.requests.size === 0 && !this.closed) this.idle = setTimeout(() => this.drain(), IDLE_MS).unref();
  }

  private end(): void {
    this.closed = true;
    clearTimeout(this.idle);
    clearTimeout(this.began);
    this.events.changed();
  }
}

const NO_MORE = new Set(['ERR_HTTP2_INVALID_SESSION', 'ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_OUT_OF_STREAMS']);

const takesNoMore = (error: unknown): boolean => error instanceof Error && 'code' in error && NO_MORE.has(String(error.code));
