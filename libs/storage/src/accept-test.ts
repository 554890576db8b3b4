import { deliveryStatusCode, type Id } from '@app/domain';
import { inserts, type NewMessage } from './accept.js';
import type { Database } from './database.js';
import { audienceOf, type ChannelRow, lockChannels } from './read-audiences.js';

export type TestAcceptance = { kind: 'accepted' } | { kind: 'refused'; why: 'gone' | 'paused' | 'disabled' | 'pull' };

const ENDS = [deliveryStatusCode('delivered'), deliveryStatusCode('dead')];

type ConsumerState = { type: 'push' | 'pull'; paused: number | string; disabled: number | string };

/** Stores a message for one consumer alone, whatever its filter says, with its delivery, in one transaction. Stores nothing for one that is not open. */
export function acceptTest(database: Database, message: NewMessage, consumerId: number): Promise<TestAcceptance> {
  return database.packets<TestAcceptance>('accept-test', async (packets) => {
    const [channels, [consumer]] = await packets.send<[ChannelRow[], ConsumerState[]]>(lockChannels([message.channelId]), {
      sql: `SELECT type, paused_at IS NOT NULL AS paused, disabled_at IS NOT NULL AS disabled FROM consumer FORCE INDEX (PRIMARY)
        WHERE id = ? AND channel_id = ?`,
      values: [consumerId, message.channelId],
    });
    const [channel] = channels;
    if (!channel || !consumer) return { kind: 'refused', why: 'gone' };
    if (consumer.type === 'pull') return { kind: 'refused', why: 'pull' };
    if (Number(consumer.disabled) === 1) return { kind: 'refused', why: 'disabled' };
    if (Number(consumer.paused) === 1) return { kind: 'refused', why: 'paused' };
    const consumerIds = [consumerId];
    const sendings = [{ message, audience: { consumerIds, ...audienceOf(channel) }, consumerIds }];
    await packets.commit(...inserts(sendings));
    return { kind: 'accepted' };
  });
}

/** Whether a delivery has reached its end: one read by primary key. */
export async function isOver(database: Database, messageId: Id, consumerId: number): Promise<boolean> {
  const rows = await database.query<unknown[]>(
    'SELECT 1 FROM delivery FORCE INDEX (PRIMARY) WHERE message_id = ? AND consumer_id = ? AND status IN (?)',
    [messageId, consumerId, ENDS],
  );
  return rows.length > 0;
}
