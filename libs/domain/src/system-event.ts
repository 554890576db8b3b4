import type { BreakerReason } from './breaker.js';
import type { Id } from './id.js';
import type { DeadReason, ErrorClass } from './next-step.js';

/** The channel to which Posthorn publishes what happens in it. */
export const EVENTS_CHANNEL = 'posthorn.events';
const RESERVED = 'posthorn.';
export const RESERVED_CHANNEL_MESSAGE = `may not begin with ${RESERVED}: such channels are Posthorn’s own`;

/** Whether a channel of this name is ours: nobody else makes it, deletes it or publishes to it. */
export const isReservedChannel = (name: string): boolean => name.startsWith(RESERVED);

export const disabledReasons = ['operator', 'gone', 'failing'] as const;
export type DisabledReason = (typeof disabledReasons)[number];

/** What happened to a consumer or one of its deliveries. API: fields are added, never renamed. */
export type SystemEvent =
  | {
      readonly type: 'delivery.dead';
      readonly message: Id;
      readonly reason: DeadReason;
      readonly errorClass: ErrorClass;
      readonly httpCode: number | null;
      readonly attempts: number;
    }
  | { readonly type: 'consumer.disabled'; readonly reason: DisabledReason }
  | { readonly type: 'consumer.enabled'; readonly disabledReason: string | null }
  /** Nothing but failures for `forSeconds`, half of the time after which it is disabled. */
  | { readonly type: 'consumer.failing'; readonly forSeconds: number; readonly disableAfterSeconds: number }
  | { readonly type: 'breaker.opened'; readonly reason: BreakerReason; readonly openMs: number }
  /** `by`: a probe succeeded, or somebody resumed the consumer or put it anew. */
  | { readonly type: 'breaker.closed'; readonly by: 'probe' | 'operator'; readonly openedAt: Date | null };

export const systemEventTypes = [
  'delivery.dead',
  'consumer.disabled',
  'consumer.enabled',
  'consumer.failing',
  'breaker.opened',
  'breaker.closed',
] as const satisfies SystemEvent['type'][];

/** The text of an event, in two parts: between them come `<channel>","consumer":"<consumer>`, which whoever stores it knows. Names need no escaping. */
export function eventText({ type, ...data }: SystemEvent, at: Date): { head: string; tail: string } {
  const head = `{"type":"${type}","timestamp":"${at.toISOString()}","data":{"channel":"`;
  return { head, tail: `",${JSON.stringify(data).slice(1)}}` };
}
