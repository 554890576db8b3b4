import type { Readable } from 'node:stream';
import { type AttemptResult, parseRetryAfter } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';
import { deliveryHeaders } from './delivery-request.js';
import { classOf, DeliveryTimeoutError } from './errors.js';
import type { Pools } from './pools.js';

/** Of an answer, at most this much is read; then the connection is given up. */
const READ_BYTES = 16 * 1024;
/** Of a failed attempt's answer, at most this much is kept. */
const KEPT_BYTES = 4 * 1024;

export interface Attempted {
  result: AttemptResult;
  /** Unix ms. */
  startedAtMs: number;
  durationMs: number;
  httpCode: number | null;
  responseBody: Buffer | null;
}

/**
 * One HTTP POST under one deadline (DNS, connect, TLS, request, answer and body together). Follows no redirect, decompresses nothing, and never throws:
 * whatever goes wrong is a result. `deadline` is aborted by the delivery timeout, or by the caller to cut the attempt off.
 */
export async function post(pools: Pools, work: Work, message: Outgoing, deadline: AbortController): Promise<Attempted> {
  const startedAtMs = Date.now();
  const began = performance.now();
  const finished = (result: AttemptResult, httpCode: number | null, responseBody: Buffer | null): Attempted => ({
    result,
    startedAtMs,
    durationMs: Math.round(performance.now() - began),
    httpCode,
    responseBody,
  });
  const { url, timeoutMs } = work.target;
  if (!url) return finished({ kind: 'failed', errorClass: 'blocked-target' }, null, null);

  const timer = setTimeout(() => deadline.abort(new DeliveryTimeoutError(`no complete answer in ${timeoutMs} ms`)), timeoutMs);
  let httpCode: number | null = null;
  try {
    const response = await pools.for(work.target, url).request({
      method: 'POST',
      path: url.pathname + url.search,
      headers: deliveryHeaders(work, message, startedAtMs),
      body: message.payload,
      signal: deadline.signal,
    });
    httpCode = response.statusCode;
    const delivered = httpCode >= 200 && httpCode < 300;
    const body = await readSome(response.body, delivered ? 0 : KEPT_BYTES);
    const retryAfter = response.headers['retry-after'];
    const retryAfterMs = parseRetryAfter(typeof retryAfter === 'string' ? retryAfter : undefined, Date.now());
    return finished({ kind: 'answered', httpCode, retryAfterMs }, httpCode, delivered ? null : body);
  } catch (error) {
    return finished({ kind: 'failed', errorClass: classOf(deadline.signal.aborted ? deadline.signal.reason : error) }, httpCode, null);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads up to 16 KiB to free the connection, keeps the first `keep` bytes, and drops the connection when there is more. */
async function readSome(body: Readable, keep: number): Promise<Buffer> {
  const kept: Buffer[] = [];
  let read = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (read < keep) kept.push(chunk.subarray(0, keep - read));
    read += chunk.length;
    // Leaving the loop destroys the stream and with it the connection.
    if (read > READ_BYTES) break;
  }
  return Buffer.concat(kept);
}
