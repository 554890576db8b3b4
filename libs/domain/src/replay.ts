import type { Id } from './id.js';
import type { DeliveryStatus } from './states.js';

/** Names the job on every attempt of a delivery that it sends again. Producers cannot send it: the prefix is ours. */
export const REPLAY_HEADER = 'posthorn-replay';

/** The job that sends a delivery again; undefined for live traffic. */
export const replayedBy = ({ replay = '0' }: { readonly replay?: Id }): Id | undefined => (replay === '0' ? undefined : replay);

/** The place of what is sent again in its lane: behind live messages of every priority, whose ranks are 0 to 9. */
export const REPLAY_RANK = 10;

/** What a replay may be limited to; `none`: the message never was the consumer's. */
export const replayStatuses = ['delivered', 'dead', 'none'] as const;
export type ReplayStatus = (typeof replayStatuses)[number];

/**
 * What a replay does with a message that its consumer's filter matches, by the delivery that is there. `busy`: it is on its way to the consumer already.
 */
export function replayOf(
  status: DeliveryStatus | undefined,
  wanted?: readonly ReplayStatus[],
): 'send' | 'send-again' | 'busy' | 'unwanted' {
  if (status !== undefined && status !== 'delivered' && status !== 'dead') return 'busy';
  if (wanted && !wanted.includes(status ?? 'none')) return 'unwanted';
  return status === undefined ? 'send' : 'send-again';
}
