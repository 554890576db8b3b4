import { deliveryStatusCode } from '@app/domain';
import { cancelAll } from './cancel.js';
import type { Database, Session } from './database.js';
import { byId, deliveryRows, MAX_KEYS } from './key-rows.js';
import { consumersOf, removeConsumers } from './registry/remove-consumers.js';
import { FIRST_RETRY, retriesAfter, type RetryKey } from './retry-window.js';

/** Consumers in one step. */
const CONSUMERS = 100;
const WINDOW = 2_000;
/** Removed consumers that one pass looks for. */
const MOST = 1_000;

/** One step of clearing up what removed channels left: consumers, a hundred at a time, then idempotency keys, 500 at a time, then what is scheduled. Returns how many went; 0 when nothing is left. */
export async function sweepChannels(database: Database): Promise<number> {
  const [channel] = await database.query<{ id: number }[]>('SELECT id FROM removed_channel ORDER BY id LIMIT 1');
  if (!channel) return 0;
  const swept = await database.transaction('sweep-channel', async (session) => {
    const consumers = await consumersOf(session, channel.id, CONSUMERS);
    await removeConsumers(session, consumers);
    if (consumers.length > 0) return consumers.length;
    const { affectedRows } = await session.query('DELETE FROM idempotency WHERE channel_id = ? ORDER BY channel_id, key_hash LIMIT ?', [
      channel.id,
      MAX_KEYS,
    ]);
    return affectedRows;
  });
  if (swept > 0) return swept;
  const cancelled = await cancelAll(database, channel.id);
  if (cancelled === 0) await database.query('DELETE FROM removed_channel WHERE id = ?', [channel.id]);
  return Math.max(1, cancelled);
}

/**
 * Clears `retry` of what removed consumers left there, which only a reading of the whole table finds: in windows, without locks, as long as any is removed.
 * A consumer is done with when a whole pass that began after its lane was empty has found nothing more.
 */
export class RetrySweep {
  private at: RetryKey | undefined;
  private settled: number[] = [];

  constructor(private readonly database: Database) {}

  /** One window. Returns how many rows went, and whether a pass is over, or nothing is to be done. */
  async step(): Promise<{ swept: number; over: boolean }> {
    const rows = await this.database.query<{ id: number }[]>('SELECT id FROM removed_consumer ORDER BY id LIMIT ?', [MOST]);
    const removed = new Set(rows.map(({ id }) => id));
    if (removed.size === 0) {
      this.at = undefined;
      return { swept: 0, over: true };
    }
    if (!this.at) {
      this.at = FIRST_RETRY;
      this.settled = await emptyLanes(this.database, [...removed]);
    }
    const window = await retriesAfter(this.database, this.at, WINDOW);
    const left = window.filter(({ consumerId }) => removed.has(consumerId));
    for (let from = 0; from < left.length; from += MAX_KEYS) await giveUp(this.database, left.slice(from, from + MAX_KEYS));
    if (window.length === WINDOW) {
      this.at = window.at(-1);
      return { swept: left.length, over: false };
    }
    this.at = undefined;
    const done = await emptyLanes(this.database, this.settled);
    if (done.length > 0) await this.database.query('DELETE FROM removed_consumer WHERE id IN (?)', [done]);
    return { swept: left.length, over: true };
  }
}

async function emptyLanes(database: Database, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await database.query<{ id: number }[]>('SELECT DISTINCT consumer_id AS id FROM ready WHERE consumer_id IN (?)', [ids]);
  const busy = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !busy.has(id));
}

/** One that was promoted in the meantime is in its lane, where it is swept too. */
function giveUp(database: Database, keys: readonly RetryKey[]): Promise<void> {
  return database.transaction('sweep-retries', async (session) => {
    const { affectedRows } = await session.query(
      `DELETE q FROM JSON_TABLE(?, '$[*]' COLUMNS (d DATETIME(3) PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]', c INT UNSIGNED PATH '$[2]')) k
        STRAIGHT_JOIN retry q FORCE INDEX (PRIMARY) ON q.due_at = k.d AND q.message_id = k.m AND q.consumer_id = k.c`,
      [JSON.stringify(keys.map(({ due, messageId, consumerId }) => [due, messageId, consumerId]))],
    );
    if (affectedRows > 0) await endDeliveries(session, keys);
  });
}

/** Ends deliveries of consumers that are gone; in any order of keys. */
export async function endDeliveries(session: Session, keys: readonly { messageId: string; consumerId: number }[]): Promise<void> {
  const ordered = keys.toSorted((a, b) => byId(a.messageId, b.messageId) || a.consumerId - b.consumerId);
  await session.query(
    `UPDATE ${deliveryRows()} SET d.status = ?, d.error_class = 'consumer-deleted', d.next_attempt_at = NULL, d.updated_at = NOW(3)`,
    [JSON.stringify(ordered.map(({ messageId, consumerId }) => [messageId, consumerId])), deliveryStatusCode('dead')],
  );
}
