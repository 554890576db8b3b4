import { type Id, messageStatusCode, messageStatusName, type MessageStatus } from '@app/domain';
import type { Database } from '../database.js';
import { MESSAGE, type MessageRow, type Stored } from '../reads.js';

import {
  boundsOf,
  type Candidates,
  type Found,
  inOrder,
  type Place,
  search,
  type SearchBounds,
  type SearchPage,
  type TimeRange,
} from './scan.js';
import { allOf, type Condition, isOfType } from './type-pattern.js';

/** Which messages of a channel; all when empty. */
export interface MessageFilter extends TimeRange {
  /** An event type; `*` stands for any characters. */
  type?: string;
  status?: MessageStatus;
  producerId?: number;
  orderingKey?: string;
}

/** Newest first. The times are those of the ids, so that they narrow what is looked at. */
export function searchMessages(
  database: Database,
  channelId: number,
  filter: MessageFilter,
  page: SearchPage,
  bounds: SearchBounds,
): Promise<Found<MessageRow>> {
  const conditions = conditionsOf(filter);
  return search<MessageRow>(
    {
      everything: conditions.length === 0,
      placeOf,
      candidates: async (after, most) => {
        const idsOf = filter.status === 'scheduled' ? scheduledIds : messageIds;
        const ids = await idsOf(database, channelId, filter, after?.messageId, most);
        return messagePlaces(ids, most);
      },
      matching: async (places) => {
        const { where, values } = allOf(conditions);
        const rows = await database.query<Stored<MessageRow>[]>(
          `SELECT ${MESSAGE} FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$')) k
             STRAIGHT_JOIN message m FORCE INDEX (PRIMARY) ON m.id = k.m WHERE ${where}`,
          [JSON.stringify(places.map(({ messageId }) => messageId)), ...values],
        );
        return inOrder(
          rows.map((row) => ({ ...row, status: messageStatusName(row.status) })),
          placeOf,
        );
      },
    },
    page,
    bounds,
  );
}

const placeOf = (row: { id: Id }): Place => ({ messageId: row.id, consumerId: 0 });

function messagePlaces(ids: readonly Id[], most: number): Candidates {
  const places = ids.map((messageId) => ({ messageId, consumerId: 0 }));
  return { places, reached: ids.length < most ? undefined : places.at(-1) };
}

/** The next messages of a channel, from the index alone: a microsecond each, whatever their payloads. */
export async function messageIds(
  database: Database,
  channelId: number,
  range: TimeRange,
  before: Id | undefined,
  most: number,
): Promise<Id[]> {
  const rows = await database.query<{ id: Id }[]>(
    `SELECT m.id FROM message m FORCE INDEX (message_by_channel) WHERE m.channel_id = ? AND m.id < ? AND m.id >= ?
      ORDER BY m.channel_id DESC, m.id DESC LIMIT ?`,
    [channelId, ...boundsOf(range, before), most],
  );
  return rows.map(({ id }) => id);
}

/** Those that are scheduled, which are few among the messages of a channel: from their own table, all of which is read. */
async function scheduledIds(database: Database, channelId: number, range: TimeRange, before: Id | undefined, most: number): Promise<Id[]> {
  const rows = await database.query<{ id: Id }[]>(
    `SELECT message_id AS id FROM scheduled FORCE INDEX (PRIMARY) WHERE channel_id = ? AND message_id < ? AND message_id >= ?
      ORDER BY message_id DESC LIMIT ?`,
    [channelId, ...boundsOf(range, before), most],
  );
  return rows.map(({ id }) => id);
}

function conditionsOf({ type, status, producerId, orderingKey }: MessageFilter): Condition[] {
  const conditions: Condition[] = [];
  if (type !== undefined) conditions.push(isOfType('m.type', type));
  if (status !== undefined) conditions.push(['m.status = ?', messageStatusCode(status)]);
  if (producerId !== undefined) conditions.push(['m.producer_id = ?', producerId]);
  if (orderingKey !== undefined) conditions.push(['m.ordering_key = ?', orderingKey]);
  return conditions;
}
