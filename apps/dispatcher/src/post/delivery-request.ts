import { REPLAY_HEADER, replayedBy, signatureHeaderNames, signatureHeaders } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/**
 * Headers of one attempt as a flat list, signed over the exact bytes now. The id is the same on every attempt; the producer's own headers come before the
 * consumer's static ones, which replace them, and never in place of a header that is ours.
 */
export function deliveryHeaders({ claim, target, batched }: Work, message: Outgoing, nowMs: number, authorization?: string): string[] {
  const headers = [
    'content-type',
    message.contentType ?? DEFAULT_CONTENT_TYPE,
    ...signatureHeaders(target.signing, message.id, message.payload, nowMs),
    'posthorn-channel',
    target.channel,
    'posthorn-consumer',
    target.consumer,
    ...(batched ? [] : ['posthorn-attempt', String(claim.attempt)]),
    'posthorn-priority',
    String(message.priority),
    'user-agent',
    'Posthorn/0.1',
    'accept-encoding',
    'identity',
  ];
  const replay = replayedBy(claim);
  if (!batched && replay !== undefined) headers.push(REPLAY_HEADER, replay);
  if (message.type !== null) headers.push('posthorn-type', message.type);
  if (message.traceParent !== null) headers.push('traceparent', message.traceParent);
  if (authorization !== undefined) headers.push('authorization', authorization);
  if (message.headers === null) return [...headers, ...target.headers];
  const own = new Map(Object.entries(headersOf(message.headers)));
  for (let at = 0; at < target.headers.length; at += 2) own.delete(target.headers[at]!.toLowerCase());
  if (authorization !== undefined) own.delete('authorization');
  for (const name of signatureHeaderNames(target.signing.settings)) own.delete(name);
  return [...headers, ...[...own].flat(), ...target.headers];
}

/** Stored by ingest from headers that it had checked. */
function headersOf(json: string): Record<string, string> {
  return JSON.parse(json);
}
