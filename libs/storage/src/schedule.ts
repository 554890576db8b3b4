import mysql2 from 'mysql2';
import type { DueTime, Id } from '@app/domain';
import type { Database, Session } from './database.js';
import type { Statement } from './packets.js';

/** The value of `message.deliver_at`: a delay begins when the message is stored, by the clock that will say that it is over. */
export function dueAt(due: DueTime | undefined): unknown {
  if (!due) return null;
  return 'at' in due ? due.at : mysql2.raw(`NOW(3) + INTERVAL ${mysql2.escape(due.afterSeconds)} SECOND`);
}

/** Enters messages that the same transaction has stored; none for an empty list. */
export function scheduledInserts(ids: readonly Id[]): Statement[] {
  if (ids.length === 0) return [];
  const sql = `INSERT INTO scheduled (due_at, message_id, channel_id)
    SELECT deliver_at, id, channel_id FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)`;
  return [{ sql, values: [ids] }];
}

export type DueRow = { id: Id; deliverAt: Date };

/** Reads when messages leave that the same transaction has stored, {@link DueRow}s; none for an empty list. */
export const dueReads = (ids: readonly Id[]): Statement[] =>
  ids.length === 0 ? [] : [{ sql: 'SELECT id, deliver_at AS deliverAt FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)', values: [ids] }];

/** JSON rows `[due, message]` joined to `scheduled q` by its primary key. */
export const scheduledRows = `JSON_TABLE(?, '$[*]' COLUMNS (d DATETIME(3) PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]')) k
  STRAIGHT_JOIN scheduled q FORCE INDEX (PRIMARY) ON q.due_at = k.d AND q.message_id = k.m`;

/** JSON rows `[message, …]` joined to `message m` by its primary key; `more` names further columns from `$[1]` on. */
export const messageRows = (more = ''): string =>
  `JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]'${more && `, ${more}`})) k
     STRAIGHT_JOIN message m FORCE INDEX (PRIMARY) ON m.id = k.m`;

/** Milliseconds until the first scheduled message is due, by the database's clock; 0 when one is due, undefined when there is none. */
export async function untilNextScheduled(database: Database): Promise<number | undefined> {
  const [first] = await database.query<{ ms: string }[]>(
    'SELECT TIMESTAMPDIFF(MICROSECOND, NOW(3), due_at) DIV 1000 AS ms FROM scheduled FORCE INDEX (PRIMARY) ORDER BY due_at LIMIT 1',
  );
  return first && Math.max(0, Number(first.ms));
}

export interface ScheduledBacklog {
  /** Counted up to `limit`. */
  messages: number;
  /** How long ago the first of them was due, ms; 0 when none is overdue. */
  overdueMs: number;
}

export async function scheduledBacklog(session: Session, limit: number): Promise<ScheduledBacklog> {
  const [[counted], [first]] = await Promise.all([
    session.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM (SELECT 1 FROM scheduled FORCE INDEX (PRIMARY) LIMIT ?) t', [limit]),
    session.query<{ ms: string }[]>(
      'SELECT TIMESTAMPDIFF(MICROSECOND, due_at, NOW(3)) DIV 1000 AS ms FROM scheduled FORCE INDEX (PRIMARY) ORDER BY due_at LIMIT 1',
    ),
  ]);
  return { messages: Number(counted!.n), overdueMs: Math.max(0, Number(first?.ms ?? 0)) };
}
