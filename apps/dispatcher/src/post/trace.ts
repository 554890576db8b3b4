import { headerPairs, responsePairs, shownHeaders, signatureHeaderNames } from '@app/domain';
import type { AttemptTrace } from '@app/storage';
import type { Target } from '../lanes/targets.js';
import type { ConnectTimes } from './timed-client.js';

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

const elapsed = (from: number, to: number): number => Math.max(0, Math.round(to - from));

/** What is remembered of an exchange while it goes on. Nothing is made of it unless somebody asks: most attempts are delivered. */
export class Trace {
  /** A flat list. */
  sent: readonly string[] | undefined;
  received: ResponseHeaders | undefined;
  /** When the response began, on the clock of `performance.now()`. */
  firstByteAt: number | undefined;
  /** Of the connection that the request was given. */
  connection: ConnectTimes | undefined;
  private shown: Pick<AttemptTrace, 'requestHeaders' | 'responseHeaders'> | undefined;

  /** `began`: when the attempt did, which may be earlier than this exchange. */
  constructor(private readonly began = performance.now()) {}

  /** For a row of `attempt`. A phase is null that did not happen: on a connection that was there already, or before it came to that. */
  record(target: Target, failed: boolean): AttemptTrace {
    const { began, resolvedAt, connectedAt } = this.connection ?? NEVER;
    const connects = began >= this.began;
    const { requestHeaders, responseHeaders } = failed ? this.headers(target) : NO_HEADERS;
    return {
      dnsMs: connects && resolvedAt !== undefined ? elapsed(began, resolvedAt) : null,
      connectMs: connects && connectedAt !== undefined ? elapsed(resolvedAt ?? began, connectedAt) : null,
      firstByteMs: this.firstByteAt === undefined ? null : elapsed(this.began, this.firstByteAt),
      requestHeaders,
      responseHeaders,
    };
  }

  /** Once for all messages of a batch. */
  private headers(target: Target): Pick<AttemptTrace, 'requestHeaders' | 'responseHeaders'> {
    const own = signatureHeaderNames(target.signing.settings);
    this.shown ??= {
      requestHeaders: this.sent ? JSON.stringify(shownHeaders(headerPairs(this.sent), own)) : null,
      responseHeaders: this.received ? JSON.stringify(shownHeaders(responsePairs(this.received))) : null,
    };
    return this.shown;
  }
}

const NO_HEADERS = { requestHeaders: null, responseHeaders: null };
const NEVER: ConnectTimes = { began: -Infinity, resolvedAt: undefined, connectedAt: undefined };
