import { failUnless } from './fence.js';
import type { Statement } from './packets.js';

/** Who gets the messages of a channel. */
export interface Audience {
  consumerIds: number[];
  /** Set when the channel has more consumers than are served inline. */
  fanout?: { lastConsumerId: number; deliveries: number };
}

const MAX_KNOWN = 10_000;

/**
 * The consumers of channels as an accepting transaction saw them last. Never trusted: the transaction that uses them proves that they are as they
 * were, or changes nothing.
 */
export class Audiences {
  private readonly known = new Map<number, Audience>();

  /** Those of a batch's channels, ordered by channel; undefined unless all are known. */
  of(batch: readonly { channelId: number }[]): Map<number, Audience> | undefined {
    const found = new Map<number, Audience>();
    for (const channelId of [...new Set(batch.map((message) => message.channelId))].toSorted((a, b) => a - b)) {
      const audience = this.known.get(channelId);
      if (!audience) return undefined;
      found.set(channelId, audience);
    }
    return found;
  }

  set(channelId: number, audience: Audience | undefined): void {
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    if (audience) this.known.set(channelId, audience);
    else this.known.delete(channelId);
  }
}

/**
 * Ends the packet unless each channel is there with the same consumers. Ids only grow, so the same number of them below the same last one are the same
 * consumers. To be sent behind the lock of the channels.
 */
export function expectAudiences(audiences: ReadonlyMap<number, Audience>): Statement {
  const one = `(SELECT COUNT(*) FROM channel h FORCE INDEX (PRIMARY) WHERE h.id = ?) = 1 AND
      (SELECT CONCAT(COUNT(*), ' ', COALESCE(MAX(c.id), 0)) FROM consumer c FORCE INDEX (consumer_by_channel) WHERE c.channel_id = ?) = ?`;
  const values = [...audiences].flatMap(([channelId, { consumerIds, fanout }]) => {
    const same = fanout ? [fanout.deliveries, fanout.lastConsumerId] : [consumerIds.length, consumerIds.at(-1) ?? 0];
    return [channelId, channelId, same.join(' ')];
  });
  return failUnless(Array.from(audiences, () => one).join(' AND '), values);
}
