import { type Id, messageStatusCode, messageStatusName } from '@app/domain';
import type { Audit } from './audit.js';
import type { Database, Session } from './database.js';
import { byId } from './key-rows.js';
import { messageRows, scheduledRows } from './schedule.js';

/** `left`: it was not scheduled, or has left meanwhile. */
export type Cancellation = 'cancelled' | 'left' | 'unknown-message';

/**
 * Takes a scheduled message back, with its audit row. Whoever has the row of `scheduled` first wins: a release skips one that is being cancelled, and this waits for
 * a release that is under way. Saying it again changes nothing.
 */
export function cancel(database: Database, channelId: number, id: Id, audit: Audit): Promise<Cancellation> {
  return database.transaction('cancel', async (session) => {
    const found = await stateOf(session, channelId, id);
    if (!found) return 'unknown-message';
    if (found.status === 'scheduled') {
      const { affectedRows } = await session.query('DELETE FROM scheduled WHERE due_at = ? AND message_id = ?', [found.due, id]);
      if (affectedRows === 1) {
        await session.query('UPDATE message SET status = ? WHERE id = ?', [messageStatusCode('cancelled'), id]);
        await audit.record(session, { status: 204 });
        return 'cancelled';
      }
    }
    return (await stateOf(session, channelId, id))?.status === 'cancelled' ? 'cancelled' : 'left';
  });
}

async function stateOf(session: Session, channelId: number, id: Id) {
  const [row] = await session.query<{ status: number; due: string | null }[]>(
    'SELECT status, CAST(deliver_at AS CHAR) AS due FROM message FORCE INDEX (PRIMARY) WHERE id = ? AND channel_id = ?',
    [id, channelId],
  );
  return row && { status: messageStatusName(row.status), due: row.due };
}

/** Messages that one transaction takes. */
const STEP = 500;
type Place = { due: string; id: Id };

/** Cancels all that is scheduled on a channel that is gone, to which no row is added any more. Returns how many messages. */
export async function cancelAll(database: Database, channelId: number): Promise<number> {
  let cancelled = 0;
  let after: Place | undefined = { due: '2000-01-01', id: '0' };
  while (after) {
    const rows: Place[] = await database.query<Place[]>(
      `SELECT CAST(due_at AS CHAR) AS due, message_id AS id FROM scheduled FORCE INDEX (PRIMARY)
        WHERE due_at >= ? AND (due_at > ? OR message_id > ?) AND channel_id = ? ORDER BY due_at, message_id LIMIT ?`,
      [after.due, after.due, after.id, channelId, STEP],
    );
    if (rows.length > 0) await database.transaction('cancel-all', (session) => cancelRows(session, rows));
    cancelled += rows.length;
    after = rows.at(-1);
  }
  return cancelled;
}

async function cancelRows(session: Session, rows: readonly Place[]): Promise<void> {
  await session.query(`DELETE q FROM ${scheduledRows}`, [JSON.stringify(rows.map(({ due, id }) => [due, id]))]);
  await session.query(`UPDATE ${messageRows()} SET m.status = ?`, [
    JSON.stringify(rows.map(({ id }) => [id]).toSorted(([a], [b]) => byId(a!, b!))),
    messageStatusCode('cancelled'),
  ]);
}
