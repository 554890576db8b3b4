import type { Id } from './id.js';
import { REPLAY_HEADER } from './replay.js';

/** Who a delivery goes to. */
export interface DeliveredTo {
  readonly channel: string;
  readonly consumer: string;
  /** The consumer's static ones, as a flat list of names and values. */
  readonly headers: readonly string[];
}

/** What of a message goes into headers. */
export interface DeliveredMessage {
  readonly priority: number;
  readonly type: string | null;
  readonly contentType: string | null;
  /** JSON object of the producer's headers. */
  readonly headers: string | null;
  readonly traceParent: string | null;
}

/** What one attempt adds. */
export interface DeliveryAttempt {
  /** 1, 2, …; undefined for a batch, whose messages have numbers of their own. */
  readonly number: number | undefined;
  /** The headers of the signature, as a flat list, and the names among them that the consumer chose, in lower case. */
  readonly signature: readonly string[];
  readonly signatureNames: readonly string[];
  /** A token. */
  readonly authorization?: string;
  /** The job that sends the delivery again. */
  readonly replay?: Id;
}

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/**
 * Headers of one attempt as a flat list. The producer's own come before the consumer's static ones, which replace them, and never in place of a header that
 * is ours.
 */
export function deliveryHeaders(to: DeliveredTo, message: DeliveredMessage, attempt: DeliveryAttempt): string[] {
  const { authorization, replay } = attempt;
  const headers = [
    'content-type',
    message.contentType ?? DEFAULT_CONTENT_TYPE,
    ...attempt.signature,
    'posthorn-channel',
    to.channel,
    'posthorn-consumer',
    to.consumer,
    ...(attempt.number === undefined ? [] : ['posthorn-attempt', String(attempt.number)]),
    'posthorn-priority',
    String(message.priority),
    'user-agent',
    'Posthorn/0.1',
    'accept-encoding',
    'identity',
  ];
  if (replay !== undefined) headers.push(REPLAY_HEADER, replay);
  if (message.type !== null) headers.push('posthorn-type', message.type);
  if (message.traceParent !== null) headers.push('traceparent', message.traceParent);
  if (authorization !== undefined) headers.push('authorization', authorization);
  if (message.headers === null) return [...headers, ...to.headers];
  const own = new Map(Object.entries(headersOf(message.headers)));
  for (let at = 0; at < to.headers.length; at += 2) own.delete(to.headers[at]!.toLowerCase());
  if (authorization !== undefined) own.delete('authorization');
  for (const name of attempt.signatureNames) own.delete(name);
  return [...headers, ...[...own].flat(), ...to.headers];
}

/** Stored by ingest from headers that it had checked. */
function headersOf(json: string): Record<string, string> {
  return JSON.parse(json);
}
