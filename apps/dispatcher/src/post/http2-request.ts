import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Dispatcher } from 'undici';
import { Http2StreamError } from './errors.js';
import type { ConnectTimes } from './timed-client.js';

const { NGHTTP2_CANCEL, NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** One POST, over whichever protocol. */
export interface PostOptions {
  method: 'POST';
  path: string;
  /** Names and values in turn. */
  headers: string[];
  body: Buffer;
  /** How the connection came about that the request was given. */
  connection?: ConnectTimes;
}

/** What became of a request, when that is more than an answer or a failure of its own. */
export type Undone = 'not-processed' | 'http1-required';

/**
 * One request over HTTP/2, from the moment that it waits for a stream. The handler hears of its start, its answer and its end as it would from undici, and of nothing
 * after it was aborted.
 */
export class Http2Request implements Dispatcher.DispatchController {
  /** Streams that the peer has not processed (RFC 9113, 8.7). */
  refusals = 0;
  aborted = false;
  reason: Error | null = null;
  readonly paused = false;
  private stream: ClientHttp2Stream | undefined;
  private answered = false;
  private over = false;

  constructor(
    readonly options: PostOptions,
    readonly handler: Dispatcher.DispatchHandler,
    private readonly onAbort: (request: Http2Request) => void,
  ) {}

  /** Throws what Node throws when the session takes no more streams. `ended` is called when the stream has closed. */
  send(session: ClientHttp2Session, origin: URL, ended: (undone?: Undone) => void): void {
    const { body } = this.options;
    const stream = session.request(headersOf(this.options, origin), { endStream: body.length === 0 });
    this.stream = stream;
    let failure: Error | undefined;
    stream.on('response', (headers) => this.begin(headers));
    stream.on('data', (chunk: Buffer) => {
      if (!this.over) this.handler.onResponseData?.(this, chunk);
    });
    stream.on('end', () => this.end(stream));
    stream.on('error', (error) => (failure = error));
    stream.on('close', () => ended(this.close(stream, failure)));
    if (body.length > 0) stream.end(body);
  }

  fail(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.handler.onResponseError?.(this, error);
  }

  /** Gives up this stream, and none of its neighbours. */
  abort(reason: Error): void {
    if (this.over) return;
    this.over = true;
    this.aborted = true;
    this.reason = reason;
    this.stream?.close(NGHTTP2_CANCEL);
    this.onAbort(this);
  }

  /** Answers are read as they come, and no more than the handler wants of them. */
  pause(): void {
    throw new Error('an answer is not paused');
  }

  resume(): void {
    throw new Error('an answer is not paused');
  }

  private begin(headers: IncomingHttpHeaders & { ':status'?: number }): void {
    if (this.over) return;
    this.answered = true;
    const { ':status': status, ...own } = headers;
    this.handler.onResponseStart?.(this, Number(status), own);
  }

  private end(stream: ClientHttp2Stream): void {
    // The end is also said of a stream that was reset.
    if (this.over || !this.answered || stream.aborted || stream.rstCode) return;
    this.over = true;
    this.handler.onResponseEnd?.(this, {});
    // An answer that came before all of the request was sent: nobody needs the rest.
    if (!stream.writableFinished) stream.close(NGHTTP2_CANCEL);
  }

  private close(stream: ClientHttp2Stream, failure: Error | undefined): Undone | undefined {
    if (this.over) return undefined;
    const code = stream.rstCode ?? NGHTTP2_NO_ERROR;
    if (!this.answered && code === NGHTTP2_REFUSED_STREAM) return 'not-processed';
    if (!this.answered && code === NGHTTP2_HTTP_1_1_REQUIRED) return 'http1-required';
    this.fail(code === NGHTTP2_NO_ERROR && failure ? failure : new Http2StreamError(code, { cause: failure }));
    return undefined;
  }
}

/** Those of a connection have no place here (RFC 9113, 8.2.2). */
const OF_CONNECTIONS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'host',
]);

/** The same name twice is a list, as in HTTP/1.1. */
function headersOf({ method, path, headers, body }: PostOptions, origin: URL): OutgoingHttpHeaders {
  const made: OutgoingHttpHeaders = { ':method': method, ':scheme': 'https', ':authority': origin.host, ':path': path };
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (OF_CONNECTIONS.has(name)) continue;
    const value = headers[at + 1]!.replace(/^[\t ]+|[\t ]+$/g, '');
    const before = made[name];
    made[name] = before === undefined ? value : `${String(before)}, ${value}`;
  }
  made['content-length'] = body.length;
  return made;
}
