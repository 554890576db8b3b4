import { isUtf8 } from 'node:buffer';
import { type Id, REPLAY_HEADER, replayedBy } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';

/** A message that is there. */
export type Posted = Work & { message: Outgoing };

/** The JSON of one message in a batch: its payload as text when it is UTF-8, else in base64, so that its bytes can be had again exactly. */
function entryOf({ claim, message }: Posted): object {
  const { id, priority, type, contentType, headers, traceParent, payload } = message;
  const text = isUtf8(payload);
  const replay = replayedBy(claim);
  const own: object = headers === null ? {} : JSON.parse(headers);
  return {
    id,
    attempt: claim.attempt,
    priority,
    type,
    contentType,
    headers: replay === undefined ? own : { ...own, [REPLAY_HEADER]: replay },
    traceparent: traceParent,
    ...(text ? { payload: payload.toString('utf8') } : { payloadBase64: payload.toString('base64') }),
  };
}

/** Several messages of a consumer as the one that is posted: signed as a whole, under an id of its own. */
export function batchMessage(id: Id, works: readonly Posted[]): Outgoing {
  const first = works[0]!;
  const envelope = { batch: `batch-${id}`, channel: first.target.channel, consumer: first.target.consumer, messages: works.map(entryOf) };
  return {
    id: envelope.batch,
    priority: Math.max(...works.map(({ message }) => message.priority)),
    type: null,
    contentType: 'application/json',
    headers: JSON.stringify({ 'posthorn-batch': String(works.length) }),
    traceParent: null,
    payload: Buffer.from(JSON.stringify(envelope)),
    deliverAt: null,
  };
}
