import type { FilterJson, Ordering } from '@app/domain';
import type { Audience } from './audiences.js';
import type { Packets } from './database.js';
import type { Statement } from './packets.js';
import { filtersOf } from './recipients.js';

export type ChannelRow = { id: number; version: number; priorities: number };
export type ConsumerRow = { channel_id: number; id: number; filter: FilterJson | string | null; ordering: Ordering };

export const lockChannels = (channelIds: number[]): Statement => ({
  sql: 'SELECT id, audience_version AS version, priorities FROM channel FORCE INDEX (PRIMARY) WHERE id IN (?) ORDER BY id LOCK IN SHARE MODE',
  values: [channelIds],
});

const CONSUMERS =
  '(SELECT channel_id, id, filter, ordering FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? ORDER BY channel_id, id LIMIT ?)';

/** Lock the channels, read {@link ChannelRow}s and then {@link ConsumerRow}s, for each channel at most one more than are served inline. */
export const audienceReads = (channelIds: number[], inlineFanout: number): [Statement, Statement] => [
  lockChannels(channelIds),
  { sql: channelIds.map(() => CONSUMERS).join(' UNION ALL '), values: channelIds.flatMap((id) => [id, inlineFanout + 1]) },
];

/** From what those read. A channel that is not there has no audience. */
export async function audiencesFrom(
  packets: Packets,
  channelRows: readonly ChannelRow[],
  consumerRows: readonly ConsumerRow[],
  inlineFanout: number,
): Promise<Map<number, Audience>> {
  const audiences = new Map<number, Audience>(channelRows.map((row) => [row.id, { consumerIds: [], ...audienceOf(row) }]));
  for (const { channel_id, id } of consumerRows) audiences.get(channel_id)?.consumerIds.push(id);
  for (const [channelId, audience] of audiences) {
    if (audience.consumerIds.length > inlineFanout) audiences.set(channelId, { ...audience, ...(await largeAudience(packets, channelId)) });
    else Object.assign(audience, settingsOf(consumerRows.filter((row) => row.channel_id === channelId)));
  }
  return audiences;
}

export const audienceOf = ({ version, priorities }: ChannelRow): Pick<Audience, 'version' | 'priorities'> => ({
  version,
  priorities: priorities === 1,
});

const settingsOf = (rows: readonly ConsumerRow[]): Pick<Audience, 'filters' | 'ordered'> => {
  const ordered = rows.filter(({ ordering }) => ordering === 'key').map(({ id }) => id);
  return { filters: filtersOf(rows), ordered: ordered.length > 0 ? new Set(ordered) : undefined };
};

async function largeAudience(packets: Packets, channelId: number): Promise<Pick<Audience, 'consumerIds' | 'fanout'>> {
  const [[all]] = await packets.send<[{ last: number; deliveries: string; ordered: string }[]]>({
    sql: `SELECT MAX(id) AS last, COUNT(*) AS deliveries, SUM(ordering = 'key') AS ordered FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ?`,
    values: [channelId],
  });
  const fanout = { lastConsumerId: all!.last, deliveries: Number(all!.deliveries), ordered: Number(all!.ordered) > 0 };
  return { consumerIds: [], fanout };
}
