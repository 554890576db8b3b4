import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type Http2Stream,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { type Bucket, Problem, type Rate, takeTokens } from '@app/domain';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Streams that a client opens and resets (CVE-2023-44487): more of them end its connection. */
const GIVEN_UP: Rate = { perSecond: 20, burst: 200 };

/** Above what `maxHeaderBytes` lets through: how many headers there may be is for whoever handles them to say. */
const MAX_HEADER_PAIRS = 1000;

export interface Http2Limits {
  readonly maxHeaderBytes: number;
  /** Requests of one connection that have no answer yet. */
  readonly maxStreams: number;
  /** Of all connections. */
  readonly maxStreamsInAll: number;
  /** From the end of its headers to that of its body. */
  readonly requestTimeoutMs: number;
  /** From the connection to its first request. */
  readonly headersTimeoutMs: number;
  /** Without a request. */
  readonly idleMs: number;
  /** Without a byte in one direction or the other, while a request or an answer is under way. */
  readonly silenceMs: number;
  readonly checkEveryMs: number;
}

interface Life {
  open: number;
  served: boolean;
  /** Since it has no open stream. */
  idleSince: number;
  givenUp: Bucket | undefined;
}

/** Everything over HTTP/2: bounded as HTTP/1.1 is, with the same requests and answers for whoever handles them. */
export class Http2Sessions {
  private readonly server: Http2Server;
  private readonly sessions = new Map<Http2Session, Life>();
  private readonly timer: NodeJS.Timeout;
  private open = 0;
  private closing = false;

  constructor(
    private readonly limits: Http2Limits,
    private readonly handle: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  ) {
    this.server = createServer({
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      settings: { maxConcurrentStreams: limits.maxStreams, maxHeaderListSize: limits.maxHeaderBytes },
    });
    this.server.on('session', (session) => this.begin(session));
    this.server.on('request', (request, response) => this.take(request, response));
    this.server.on('checkExpectation', (request, response) => this.take(request, response));
    this.timer = setInterval(() => this.endIdle(), limits.checkEveryMs).unref();
  }

  /** A connection whose client speaks HTTP/2. */
  serve(socket: Socket): void {
    this.server.emit('connection', socket);
  }

  /** Says to every client that it ends (GOAWAY): requests under way are answered, and those that come later are refused unprocessed. */
  close(): void {
    this.closing = true;
    clearInterval(this.timer);
    for (const session of this.sessions.keys()) session.close();
  }

  /** Gives up what is still under way. */
  destroy(): void {
    for (const session of this.sessions.keys()) session.destroy();
  }

  private begin(session: ServerHttp2Session): void {
    const life: Life = { open: 0, served: false, idleSince: performance.now(), givenUp: undefined };
    this.sessions.set(session, life);
    session.on('stream', (stream) => {
      const ended = (): void => {
        if (wasReset(stream)) gaveUp(session, life);
      };
      // It may have come together with its end.
      if (stream.destroyed) ended();
      else stream.once('close', ended);
    });
    session.on('close', () => this.sessions.delete(session));
    // A client that breaks off, or the protocol, is its own affair: its streams are told.
    session.on('error', () => undefined);
    if (this.closing) session.close();
  }

  private take(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { stream } = request;
    if (stream.aborted || stream.destroyed) return;
    const life = stream.session && this.sessions.get(stream.session);
    if (!life || this.open >= this.limits.maxStreamsInAll) return stream.close(NGHTTP2_REFUSED_STREAM);
    this.count(stream, life);
    stream.setTimeout(this.limits.silenceMs, () => stream.close(NGHTTP2_CANCEL));
    this.bound(request, stream);
    // Here a body needs no header that announces it; whoever parses bodies looks for one.
    if (!stream.endAfterHeaders && request.headers['content-length'] === undefined) request.headers['transfer-encoding'] = 'chunked';
    this.handle(request, response);
  }

  private count(stream: ServerHttp2Stream, life: Life): void {
    this.open++;
    life.open++;
    life.served = true;
    stream.once('close', () => {
      this.open--;
      life.open--;
      life.idleSince = performance.now();
    });
  }

  /** A body has its time, and one that nobody needs any more is not waited for (RFC 9113, 8.1). */
  private bound(request: Http2ServerRequest, stream: ServerHttp2Stream): void {
    if (stream.endAfterHeaders) return;
    const timer = setTimeout(() => {
      if (request.listenerCount('error') > 0) request.emit('error', new Problem('request-timeout'));
      else stream.close(NGHTTP2_CANCEL);
    }, this.limits.requestTimeoutMs);
    request.once('end', () => clearTimeout(timer));
    stream.once('close', () => clearTimeout(timer));
    stream.once('finish', () => {
      if (stream.readableEnded) return;
      stream.close(NGHTTP2_NO_ERROR);
      // What has come by now has to be read, or the stream stays.
      request.resume();
    });
  }

  private endIdle(): void {
    const now = performance.now();
    for (const [session, { open, served, idleSince }] of this.sessions) {
      if (open > 0) continue;
      const idleMs = now - idleSince;
      if (!served && idleMs > this.limits.headersTimeoutMs) session.destroy();
      else if (idleMs > this.limits.idleMs) {
        session.close();
        // Streams that were refused, or never came to be, hold nothing up.
        if (idleMs > this.limits.idleMs + this.limits.headersTimeoutMs) session.destroy();
      }
    }
  }
}

const wasReset = ({ rstCode }: Http2Stream): boolean => rstCode !== NGHTTP2_NO_ERROR && rstCode !== NGHTTP2_REFUSED_STREAM;

function gaveUp(session: Http2Session, life: Life): void {
  const { bucket, taken } = takeTokens(life.givenUp, GIVEN_UP, 1, performance.now());
  life.givenUp = bucket;
  // Not while its frames are being read.
  if (!taken) setImmediate(() => endAtOnce(session));
}

function endAtOnce(session: Http2Session): void {
  if (session.destroyed) return;
  session.goaway(NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
}
