import { deliveryStatusName, messageStatusName, type DeliveryStatus, type Id, type MessageStatus } from '@app/domain';
import type { Database } from './database.js';

export interface MessageRow {
  id: Id;
  status: MessageStatus;
  priority: number;
  type: string | null;
  orderingKey: string | null;
  contentType: string | null;
  size: number;
  createdAt: Date;
  /** When it leaves, or left, if it was scheduled. */
  deliverAt: Date | null;
}

export interface DeliveryRow {
  messageId: Id;
  consumer: string;
  status: DeliveryStatus;
  attempts: number;
  nextAttemptAt: Date | null;
  httpCode: number | null;
  errorClass: string | null;
  updatedAt: Date;
  /** How often it was replayed. */
  replays: number;
  /** The job that sent it again last; null when nobody did, or a request. */
  job: Id | null;
}

export const MESSAGE = `m.id, m.status, m.priority, m.type, m.ordering_key AS orderingKey, m.content_type AS contentType, m.size, m.created_at AS createdAt,
  m.deliver_at AS deliverAt`;
/** Of `delivery d`; 0 stands for none and keeps its place. */
export const HTTP_CODE = 'NULLIF(d.http_code, 0)';
export const DELIVERY = `d.message_id AS messageId, c.name AS consumer, d.status, d.attempts, d.next_attempt_at AS nextAttemptAt, ${HTTP_CODE} AS httpCode,
  d.error_class AS errorClass, d.updated_at AS updatedAt, d.replays, d.job_id AS job`;

export type Stored<T> = Omit<T, 'status'> & { status: number };
const named = (row: Stored<MessageRow>): MessageRow => ({ ...row, status: messageStatusName(row.status) });
const namedDelivery = (row: Stored<DeliveryRow>): DeliveryRow => ({ ...row, status: deliveryStatusName(row.status) });

export async function findMessage(database: Database, channelId: number, id: Id): Promise<MessageRow | undefined> {
  const rows = await database.query<Stored<MessageRow>[]>(
    `SELECT ${MESSAGE} FROM message m FORCE INDEX (PRIMARY) WHERE m.id = ? AND m.channel_id = ?`,
    [id, channelId],
  );
  return rows.map(named)[0];
}

export async function readPayload(
  database: Database,
  channelId: number,
  id: Id,
): Promise<{ contentType: string | null; payload: Buffer } | undefined> {
  const [row] = await database.query<{ contentType: string | null; payload: Buffer }[]>(
    'SELECT content_type AS contentType, payload FROM message FORCE INDEX (PRIMARY) WHERE id = ? AND channel_id = ?',
    [id, channelId],
  );
  return row;
}

/** Deliveries of one message to consumers younger than `afterId`, at most `limit`, the oldest consumer first. */
export async function deliveriesOf(
  database: Database,
  id: Id,
  page: { limit: number; afterId?: number },
): Promise<(DeliveryRow & { consumerId: number })[]> {
  const rows = await database.query<Stored<DeliveryRow & { consumerId: number }>[]>(
    `SELECT ${DELIVERY}, d.consumer_id AS consumerId FROM delivery d FORCE INDEX (PRIMARY) STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = d.consumer_id
      WHERE d.message_id = ? AND d.consumer_id > ? ORDER BY d.message_id, d.consumer_id LIMIT ?`,
    [id, page.afterId ?? 0, page.limit],
  );
  return rows.map((row) => ({ ...row, status: deliveryStatusName(row.status) }));
}

export async function countDeliveries(database: Database, id: Id): Promise<number> {
  const [row] = await database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM delivery FORCE INDEX (PRIMARY) WHERE message_id = ?', [
    id,
  ]);
  return Number(row!.n);
}

export interface PublishedState {
  status: MessageStatus;
  deliveries: number;
  /** When it leaves, or left; missing unless it was scheduled. */
  deliverAt?: Date;
}

/** Of each of these messages that is there; at most 500. */
export async function publishedStates(database: Database, ids: readonly Id[]): Promise<Map<Id, PublishedState>> {
  if (ids.length === 0) return new Map();
  const [rows, counts] = await Promise.all([
    database.query<{ id: Id; status: number; deliverAt: Date | null }[]>(
      'SELECT id, status, deliver_at AS deliverAt FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)',
      [ids],
    ),
    database.query<{ id: Id; n: string }[]>(
      'SELECT message_id AS id, COUNT(*) AS n FROM delivery FORCE INDEX (PRIMARY) WHERE message_id IN (?) GROUP BY message_id',
      [ids],
    ),
  ]);
  const deliveries = new Map(counts.map(({ id, n }) => [id, Number(n)]));
  return new Map(
    rows.map(({ id, status, deliverAt }) => [
      id,
      { status: messageStatusName(status), deliveries: deliveries.get(id) ?? 0, ...(deliverAt && { deliverAt }) },
    ]),
  );
}

export async function findDelivery(database: Database, messageId: Id, consumerId: number): Promise<DeliveryRow | undefined> {
  const rows = await database.query<Stored<DeliveryRow>[]>(
    `SELECT ${DELIVERY} FROM delivery d FORCE INDEX (PRIMARY) JOIN consumer c ON c.id = d.consumer_id WHERE d.message_id = ? AND d.consumer_id = ?`,
    [messageId, consumerId],
  );
  return rows.map(namedDelivery)[0];
}

export async function findChannelId(database: Database, name: string): Promise<number | undefined> {
  const [row] = await database.query<{ id: number }[]>('SELECT id FROM channel WHERE name = ?', [name]);
  return row?.id;
}
