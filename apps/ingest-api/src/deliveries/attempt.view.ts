import type { AttemptRow } from '@app/storage';
import { DeliveryView } from './delivery.view.js';

export class AttemptView {
  /** 1, 2, … */
  number!: number;
  startedAt!: Date;
  /** The whole attempt: DNS, connection, request, response. */
  durationMs!: number;
  /** Looking up the name; null when a connection was there already, or the URL has an address. */
  dnsMs!: number | null;
  /** Connecting, TLS included; null when a connection was there already, or none came about. */
  connectMs!: number | null;
  /** From the beginning of the attempt to that of the response; null when there was none. */
  firstByteMs!: number | null;
  httpCode!: number | null;
  /** null: it succeeded. */
  errorClass!: string | null;
  /** When the next attempt was to be made, as this one ended. */
  nextAttemptAt!: Date | null;
  /** The number of the process that made it, as in the logs; null when the attempt was lost with its process. */
  node!: number | null;
  /**
   * What was sent, without `host` and `content-length`; whatever authorizes is shown as `***`, and so are all signatures of a request that is `rebuilt`.
   * null: it is not known (any more), or there was no request.
   * @example { "content-type": "application/json", "webhook-id": "217055862980673536", "authorization": "***" }
   */
  requestHeaders!: Record<string, string> | null;
  /** The attempt succeeded, so that its headers were not kept: these are made again from the message and the consumer, which has not changed since. */
  rebuilt!: boolean;
  /**
   * Of an attempt that failed. Cookies, and whatever authorizes, are shown as `***`.
   * @example { "content-type": "text/html", "retry-after": "30" }
   */
  responseHeaders!: Record<string, string> | null;
  /**
   * Of an attempt that failed, the beginning of the response body, up to 4096 bytes, as text; or the reason that a pull consumer gave. Bytes that are not UTF-8
   * are shown as U+FFFD.
   */
  response!: string | null;
}

export class DeliveryWithAttemptsView extends DeliveryView {
  /** Whether it is a test delivery. */
  test!: boolean;
  /** First to last, at most `limit`. */
  attemptLog!: AttemptView[];
  /** Of the attempts that follow; null at the end. */
  cursor!: string | null;
}

export const viewAttempt = ({ responseBody, ...row }: AttemptRow, rebuilt: Record<string, string> | null): AttemptView => ({
  number: row.number,
  startedAt: row.startedAt,
  durationMs: row.durationMs,
  dnsMs: row.dnsMs,
  connectMs: row.connectMs,
  firstByteMs: row.firstByteMs,
  httpCode: row.httpCode,
  errorClass: row.errorClass,
  nextAttemptAt: row.nextAttemptAt,
  node: row.node,
  requestHeaders: row.requestHeaders ?? rebuilt,
  rebuilt: row.requestHeaders === null && rebuilt !== null,
  responseHeaders: row.responseHeaders,
  response: responseBody === null ? null : responseBody.toString('utf8'),
});
