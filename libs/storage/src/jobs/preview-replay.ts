import { deliveryStatusName, type Id, replayOf, type ReplayStatus } from '@app/domain';
import type { Database } from '../database.js';
import { type JobConsumer, lastMessageOf } from './create-job.js';
import { nextMessages } from './past-messages.js';

/** Messages that are looked at to say what a replay would send. */
export const REPLAY_PREVIEWED = 10_000;

/** How many of the first 10 000 messages of the range a replay would send now, and how many it would skip; `atLeast`: there are more than those. Locks nothing. */
export async function previewReplay(
  database: Database,
  { channelId, consumerId }: JobConsumer,
  range: { after: Id; last: Id },
  settings: { type?: string; statuses?: readonly ReplayStatus[] },
): Promise<{ count: number; skipped: number; atLeast: boolean }> {
  const [consumer] = await database.query<{ filter: object | string | null }[]>('SELECT filter FROM consumer WHERE id = ?', [consumerId]);
  const youngest = await lastMessageOf(database, channelId);
  const end = BigInt(youngest) < BigInt(range.last) ? youngest : range.last;
  let [cursor, seen, count, skipped] = [range.after, 0, 0, 0];
  for (;;) {
    const looked = await nextMessages(database, { channelId, consumerId, cursor, end, settings }, consumer?.filter ?? null, Infinity);
    const statuses = await statusesOf(
      database,
      consumerId,
      looked.messages.map(({ id }) => id),
    );
    for (const { id, pending } of looked.messages) {
      const status = statuses.get(id);
      const act = pending ? 'busy' : replayOf(status === undefined ? undefined : deliveryStatusName(status), settings.statuses);
      if (act === 'busy') skipped++;
      else if (act !== 'unwanted') count++;
    }
    seen += looked.seen;
    cursor = looked.cursor;
    if (looked.ended || seen >= REPLAY_PREVIEWED) return { count, skipped, atLeast: !looked.ended };
  }
}

async function statusesOf(database: Database, consumerId: number, ids: readonly Id[]): Promise<Map<Id, number>> {
  if (ids.length === 0) return new Map();
  const rows = await database.query<{ id: Id; status: number }[]>(
    'SELECT message_id AS id, status FROM delivery FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND message_id IN (?)',
    [consumerId, ids],
  );
  return new Map(rows.map(({ id, status }) => [id, status]));
}
