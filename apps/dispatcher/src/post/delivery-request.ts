import { deliveryHeaders, replayedBy, signatureHeaderNames, signatureHeaders } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';

/** Headers of one attempt as a flat list, signed over the exact bytes now. The id is the same on every attempt. */
export function requestHeaders({ claim, target, batched }: Work, message: Outgoing, nowMs: number, authorization?: string): string[] {
  return deliveryHeaders(target, message, {
    number: batched ? undefined : claim.attempt,
    signature: signatureHeaders(target.signing, message.id, message.payload, nowMs),
    signatureNames: signatureHeaderNames(target.signing.settings),
    authorization,
    replay: batched ? undefined : replayedBy(claim),
  });
}
