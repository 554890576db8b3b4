import type { Id } from '@app/domain';
import { type AcceptOutcome, commitSendings, inserts, look, type NewMessage, type Sending, sendingsOf } from './accept.js';
import { type Audience, fannedOut } from './audiences.js';
import type { Database } from './database.js';
import type { OnUnjudged } from './recipients.js';

type Stored = Exclude<AcceptOutcome, { kind: 'conflict' | 'unknown-channel' }>;

export type WholeOutcome =
  /** In the order of the messages. */
  | { kind: 'accepted'; outcomes: Stored[] }
  /** Nothing is stored. For each message whose idempotency key is taken by another body, whose it is. */
  | { kind: 'conflicts'; conflicts: ReadonlyMap<Id, Id> }
  | { kind: 'unknown-channel' };

/** Of one packet, beside a single larger payload: hex in SQL doubles bytes, and max_allowed_packet is 16 MiB on MariaDB. */
const PACKET = { messages: 250, bytes: 4 * 1024 * 1024 } as const;
/**
 * More deliveries than this are not made in one transaction, which would hold others up: the messages are fanned out afterwards. Unless a consumer gets the messages
 * of a key in order, for a later message would be ready before them.
 */
const MOST_DELIVERIES = 20_000;

/**
 * Stores messages of one channel, however many, in one transaction: all of them that are not repeats, or none. The shared lock on the channel's row is held from its
 * first statement to its commit, so that all of them go to the same consumers.
 */
export function acceptWhole(
  database: Database,
  messages: readonly NewMessage[],
  inlineFanout: number,
  onUnjudged: OnUnjudged = () => undefined,
): Promise<WholeOutcome> {
  return database.packets<WholeOutcome>('accept-whole', async (packets) => {
    const { audiences, repeats, pending } = await look(packets, messages, inlineFanout);
    if (audiences.size === 0) return { kind: 'unknown-channel' };
    const conflicts = [...repeats].flatMap(([id, outcome]) => (outcome.kind === 'conflict' ? [[id, outcome.id] as const] : []));
    if (conflicts.length > 0) return { kind: 'conflicts', conflicts: new Map(conflicts) };
    const fresh = messages.filter(({ id }) => !repeats.has(id));
    const bounded = new Map([...audiences].map(([id, audience]) => [id, inBounds(audience, fresh.length)]));
    const sendings = sendingsOf(fresh, bounded, onUnjudged, pending);
    const parts = inParts(sendings);
    for (const part of parts.slice(0, -1)) await packets.send(...inserts(part));
    const last = parts.at(-1);
    const stored = last ? await commitSendings(packets, sendings, inserts(last)) : [];
    const outcomes = new Map<Id, AcceptOutcome>([...repeats, ...stored.map((outcome) => [outcome.id, outcome] as const)]);
    return { kind: 'accepted', outcomes: messages.map(({ id }) => outcomes.get(id)!).filter(isStored) };
  });
}

const isStored = (outcome: AcceptOutcome): outcome is Stored => outcome.kind === 'accepted' || outcome.kind === 'repeated';

function inBounds(audience: Audience, messages: number): Audience {
  const { consumerIds, fanout, ordered } = audience;
  return fanout || ordered || consumerIds.length * messages <= MOST_DELIVERIES ? audience : fannedOut(audience);
}

function inParts(sendings: readonly Sending[]): Sending[][] {
  const parts: Sending[][] = [];
  let bytes = 0;
  for (const sending of sendings) {
    bytes += sending.message.payload.length;
    const part = parts.at(-1);
    if (part && part.length < PACKET.messages && bytes <= PACKET.bytes) {
      part.push(sending);
    } else {
      parts.push([sending]);
      bytes = sending.message.payload.length;
    }
  }
  return parts;
}
