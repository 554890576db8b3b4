import { type DeliveryStatus, type Id, idFrom } from '@app/domain';
import type { Database } from '../database.js';
import { deadPlaces } from './dead-places.js';

import { messageIds } from './messages.js';
import { boundsOf, byPlace, type Candidates, fromKnown, type Place, type TimeRange } from './scan.js';
import { unfinishedPlaces } from './unfinished-places.js';

/** Whose deliveries. */
export type DeliveriesOf = { readonly channelId: number } | { readonly consumerId: number };

/** Of a channel with more consumers, all deliveries are looked at, whatever the status. */
const MOST_LANES = 100;
/** MariaDB turns a longer list of values into a join. */
const MOST_MESSAGES = 500;

type Find = (after: Place | undefined, most: number) => Promise<Candidates>;

/**
 * Where to look for deliveries. The dead are where dead letters are; the unfinished are in the hot tables as long as those are small, and else so many of all
 * deliveries that they are soon found among them.
 */
export function candidatesOf(database: Database, of: DeliveriesOf, filter: TimeRange & { status?: DeliveryStatus }): Find {
  const all: Find = 'consumerId' in of ? ofConsumer(database, of.consumerId, filter) : ofChannel(database, of.channelId, filter);
  const { status } = filter;
  if (status === undefined || status === 'delivered') return all;
  let chosen: Promise<Find> | undefined;
  const choose = async (): Promise<Find> => {
    const lanes = 'consumerId' in of ? [of.consumerId] : await lanesOf(database, of.channelId);
    if (lanes === undefined) return all;
    if (status === 'dead') return (after, most) => deadPlaces(database, lanes, filter, after, most);
    const places = await unfinishedPlaces(database, lanes, status);
    if (places === undefined) return all;
    const sorted = places.filter(({ messageId }) => isWithin(messageId, filter)).toSorted(byPlace);
    return async (after, most) => fromKnown(sorted, after, most);
  };
  return async (after, most) => (await (chosen ??= choose()))(after, most);
}

const isWithin = (id: Id, { from, to }: TimeRange): boolean =>
  (!from || BigInt(id) >= BigInt(idFrom(from.getTime()))) && (!to || BigInt(id) < BigInt(idFrom(to.getTime())));

/** Undefined when there are more than a few. */
async function lanesOf(database: Database, channelId: number): Promise<number[] | undefined> {
  const rows = await database.query<{ id: number }[]>(
    'SELECT id FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? LIMIT ?',
    [channelId, MOST_LANES + 1],
  );
  return rows.length > MOST_LANES ? undefined : rows.map(({ id }) => id);
}

const ofConsumer =
  (database: Database, consumerId: number, range: TimeRange): Find =>
  async (after, most) => {
    const rows = await database.query<{ messageId: Id }[]>(
      `SELECT d.message_id AS messageId FROM delivery d FORCE INDEX (delivery_by_consumer) WHERE d.consumer_id = ? AND d.message_id < ? AND d.message_id >= ?
        ORDER BY d.consumer_id DESC, d.message_id DESC LIMIT ?`,
      [consumerId, ...boundsOf(range, after?.messageId), most],
    );
    const places = rows.map(({ messageId }) => ({ messageId, consumerId }));
    return { places, reached: places.length < most ? undefined : places.at(-1) };
  };

/** By the messages of the channel, each with its deliveries; a message that goes to many consumers may take several steps. */
const ofChannel =
  (database: Database, channelId: number, range: TimeRange): Find =>
  async (after, most) => {
    const asked = Math.min(most, MOST_MESSAGES);
    const ids = await messageIds(database, channelId, range, after?.messageId, asked);
    const begun = after && after.consumerId > 0 ? [after.messageId] : [];
    const all = [...begun, ...ids];
    if (all.length === 0) return { places: [], reached: undefined };
    const parts: [string, unknown[]][] = [];
    if (begun.length > 0) parts.push(['(d.message_id = ? AND d.consumer_id < ?)', [after!.messageId, after!.consumerId]]);
    if (ids.length > 0) parts.push(['d.message_id IN (?)', [ids]]);
    const places = await database.query<Place[]>(
      `SELECT d.message_id AS messageId, d.consumer_id AS consumerId FROM delivery d FORCE INDEX (PRIMARY)
        WHERE ${parts.map(([sql]) => sql).join(' OR ')} ORDER BY d.message_id DESC, d.consumer_id DESC LIMIT ?`,
      [...parts.flatMap(([, values]) => values), most],
    );
    if (places.length === most) return { places, reached: places.at(-1) };
    return { places, reached: ids.length < asked ? undefined : { messageId: ids.at(-1)!, consumerId: 0 } };
  };
