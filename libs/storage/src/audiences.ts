import { failUnless } from './fence.js';
import type { Statement } from './packets.js';
import type { Filters, OnUnjudged } from './recipients.js';

/** Who gets the messages of a channel. */
export interface Audience {
  consumerIds: number[];
  /** Of the channel: counts the changes of its consumers' filters and orderings, and of `priorities`. */
  version: number;
  /** false: what is first accepted is first claimed, whatever its priority. */
  priorities: boolean;
  /** Of those that have one. Not read where a channel has more consumers than are served inline. */
  filters?: Filters;
  /** Those that get the messages of a key in order; missing when none does, and where a channel has more consumers than are served inline. */
  ordered?: ReadonlySet<number>;
  /** Set when the channel has more consumers than are served inline. `ordered`: one of them gets the messages of a key in order. */
  fanout?: { lastConsumerId: number; deliveries: number; ordered: boolean };
}

/** The same consumers, for a message that is not made ready for them at once. */
export function fannedOut({ consumerIds, ordered, version, priorities }: Audience): Audience {
  const fanout = { lastConsumerId: consumerIds.at(-1)!, deliveries: consumerIds.length, ordered: ordered !== undefined };
  return { consumerIds: [], version, priorities, fanout };
}

const MAX_KNOWN = 10_000;
/** A filter takes some kilobytes. */
const MAX_FILTERS = 10_000;

/**
 * The consumers of channels as an accepting transaction saw them last. Never trusted: the transaction that uses them proves that they are as they
 * were, or changes nothing.
 */
export class Audiences {
  private readonly known = new Map<number, Audience>();
  private filters = 0;

  constructor(readonly onUnjudged: OnUnjudged = () => undefined) {}

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
    this.filters -= this.known.get(channelId)?.filters?.size ?? 0;
    this.known.delete(channelId);
    if (!audience) return;
    if (this.known.size >= MAX_KNOWN || this.filters >= MAX_FILTERS) {
      this.known.clear();
      this.filters = 0;
    }
    this.known.set(channelId, audience);
    this.filters += audience.filters?.size ?? 0;
  }
}

/**
 * Ends the packet unless each channel is there with the same consumers, filters and orderings. Ids only grow, so the same number of them below the same last
 * one are the same consumers. To be sent behind the lock of the channels.
 */
export function expectAudiences(audiences: ReadonlyMap<number, Audience>): Statement {
  const one = `(SELECT COUNT(*) FROM channel h FORCE INDEX (PRIMARY) WHERE h.id = ? AND h.audience_version = ?) = 1 AND
      (SELECT CONCAT(COUNT(*), ' ', COALESCE(MAX(c.id), 0)) FROM consumer c FORCE INDEX (consumer_by_channel) WHERE c.channel_id = ?) = ?`;
  const values = [...audiences].flatMap(([channelId, { consumerIds, version, fanout }]) => {
    const same = fanout ? [fanout.deliveries, fanout.lastConsumerId] : [consumerIds.length, consumerIds.at(-1) ?? 0];
    return [channelId, version, channelId, same.join(' ')];
  });
  return failUnless(Array.from(audiences, () => one).join(' AND '), values);
}
