import type { Dispatcher } from 'undici';
import { type AttemptResult, parseRetryAfter } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';
import { requestHeaders } from './delivery-request.js';
import type { Bagged } from './bag.js';
import { classOf, DeliveryTimeoutError } from './errors.js';
import type { PostOptions } from './http2-request.js';
import type { Pools } from './pools.js';
import { type ResponseHeaders, Trace } from './trace.js';

/** Of an answer, at most this much is read; then the connection is given up. */
const READ_BYTES = 16 * 1024;
/** Of a failed attempt's answer, at most this much is kept. */
const KEPT_BYTES = 4 * 1024;
/** Of an answer to a batch, which names messages, at most this much is read. */
const ANSWER_BYTES = 64 * 1024;

export interface Attempted {
  result: AttemptResult;
  /** Unix ms. */
  startedAtMs: number;
  durationMs: number;
  httpCode: number | null;
  responseBody: Buffer | null;
  trace?: Trace;
  /** The whole body of a 2xx, if it was asked for and not too long. */
  answer?: Buffer;
}

/**
 * One HTTP POST under one deadline (DNS, connect, TLS, request, answer and body together). Follows no redirect, decompresses nothing, and never fails:
 * whatever goes wrong is a result. It hears undici's events itself: the stream, the signal and the promises of `request` cost a tenth of a
 * dispatcher's CPU (docs/decisions/0012).
 */
export class Attempt implements Bagged, Dispatcher.DispatchHandler {
  place?: number;
  private readonly startedAtMs = Date.now();
  private readonly began = performance.now();
  private readonly trace: Trace;
  private request: PostOptions | undefined;
  private timer: NodeJS.Timeout | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private resolve!: (attempted: Attempted) => void;
  private over = false;
  private httpCode: number | null = null;
  private retryAfter: string | undefined;
  private readonly kept: Buffer[] = [];
  private readBytes = 0;

  private readonly ended = new Promise<Attempted>((resolve) => (this.resolve = resolve));

  /** With `answer` the body of a 2xx is kept. `began`: when the larger attempt did that this is a part of. */
  constructor(
    private readonly wants?: 'answer',
    began?: number,
  ) {
    this.trace = new Trace(began ?? this.began);
  }

  /**
   * Resolves when the attempt is over, whether by itself, by its deadline or by `abort`. Call it once. An attempt that is part of a larger one has what is left
   * of its time.
   */
  post(pools: Pools, work: Work, message: Outgoing, part: { authorization?: string; timeoutMs?: number } = {}): Promise<Attempted> {
    const { url, refusal } = work.target;
    const { authorization, timeoutMs = work.target.timeoutMs } = part;
    if (!url) {
      this.fail(refusal);
      return this.ended;
    }
    this.timer = setTimeout(() => this.abort(new DeliveryTimeoutError(`no complete answer in ${timeoutMs} ms`)), timeoutMs);
    try {
      const headers = requestHeaders(work, message, this.startedAtMs, authorization);
      this.trace.sent = headers;
      this.request = { method: 'POST', path: url.pathname + url.search, headers, body: message.payload };
      pools.for(work.target, url).dispatch(this.request, this);
    } catch (error) {
      this.fail(classOf(error));
    }
    return this.ended;
  }

  /** Ends the attempt now, whatever it is doing; its connection is given up. */
  abort(reason: Error): void {
    this.fail(classOf(reason));
    this.controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.over) controller.abort(new Error('the attempt is over'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: ResponseHeaders): void {
    this.httpCode = statusCode;
    this.trace.received = headers;
    this.trace.firstByteAt = performance.now();
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') this.retryAfter = retryAfter;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const keep = this.keptBytes;
    if (this.readBytes < keep) this.kept.push(chunk.subarray(0, keep - this.readBytes));
    this.readBytes += chunk.length;
    if (this.readBytes <= (this.wants ? ANSWER_BYTES : READ_BYTES)) return;
    this.answered(false);
    controller.abort(new Error('the answer is too long to read to its end'));
  }

  onResponseEnd(): void {
    this.answered(true);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.fail(classOf(error));
  }

  private get delivered(): boolean {
    return this.httpCode !== null && this.httpCode >= 200 && this.httpCode < 300;
  }

  private get keptBytes(): number {
    if (!this.delivered) return KEPT_BYTES;
    return this.wants ? ANSWER_BYTES : 0;
  }

  private answered(whole: boolean): void {
    if (this.httpCode === null) return;
    const retryAfterMs = parseRetryAfter(this.retryAfter, Date.now());
    const result = { kind: 'answered', httpCode: this.httpCode, retryAfterMs } as const;
    if (!this.delivered) this.end(result, Buffer.concat(this.kept));
    else this.end(result, null, this.wants && whole ? Buffer.concat(this.kept) : undefined);
  }

  private fail(errorClass: ReturnType<typeof classOf>): void {
    this.end({ kind: 'failed', errorClass }, null);
  }

  private end(result: AttemptResult, responseBody: Buffer | null, answer?: Buffer): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    const { startedAtMs, httpCode, trace } = this;
    trace.connection = this.request?.connection;
    this.resolve({ result, startedAtMs, durationMs: Math.round(performance.now() - this.began), httpCode, responseBody, trace, answer });
  }
}
