import { deliveryStatusCode, deliveryStatusName, messageStatusName, type DeliveryStatus, type Id, type MessageStatus } from '@app/domain';
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
  /** How often a job has sent it again. */
  replays: number;
}

export interface AttemptRow {
  number: number;
  startedAt: Date;
  durationMs: number;
  httpCode: number | null;
  errorClass: string | null;
  nextAttemptAt: Date | null;
  responseBody: Buffer | null;
}

export interface Page {
  limit: number;
  /** The last message id of the previous page. */
  before?: Id;
}

const MESSAGE = `m.id, m.status, m.priority, m.type, m.ordering_key AS orderingKey, m.content_type AS contentType, m.size, m.created_at AS createdAt`;
const DELIVERY = `d.message_id AS messageId, c.name AS consumer, d.status, d.attempts, d.next_attempt_at AS nextAttemptAt, d.http_code AS httpCode,
  d.error_class AS errorClass, d.updated_at AS updatedAt, d.replays`;

type Stored<T> = Omit<T, 'status'> & { status: number };
const named = (row: Stored<MessageRow>): MessageRow => ({ ...row, status: messageStatusName(row.status) });
const namedDelivery = (row: Stored<DeliveryRow>): DeliveryRow => ({ ...row, status: deliveryStatusName(row.status) });

export async function findMessage(database: Database, channelId: number, id: Id): Promise<MessageRow | undefined> {
  const rows = await database.query<Stored<MessageRow>[]>(
    `SELECT ${MESSAGE} FROM message m FORCE INDEX (PRIMARY) WHERE m.id = ? AND m.channel_id = ?`,
    [id, channelId],
  );
  return rows.map(named)[0];
}

/** Newest first. */
export async function listMessages(database: Database, channelId: number, page: Page): Promise<MessageRow[]> {
  const rows = await database.query<Stored<MessageRow>[]>(
    `SELECT ${MESSAGE} FROM message m FORCE INDEX (message_by_channel) WHERE m.channel_id = ? ${page.before === undefined ? '' : 'AND m.id < ?'}
      ORDER BY m.channel_id DESC, m.id DESC LIMIT ?`,
    [channelId, ...(page.before === undefined ? [] : [page.before]), page.limit],
  );
  return rows.map(named);
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

/** Deliveries of some messages, at most `limit` for each, by consumer. */
export async function deliveriesOf(database: Database, ids: readonly Id[], limit: number): Promise<DeliveryRow[]> {
  if (ids.length === 0) return [];
  const one = `(SELECT ${DELIVERY} FROM delivery d FORCE INDEX (PRIMARY) JOIN consumer c ON c.id = d.consumer_id WHERE d.message_id = ? ORDER BY d.message_id, d.consumer_id LIMIT ?)`;
  const rows = await database.query<Stored<DeliveryRow>[]>(
    ids.map(() => one).join(' UNION ALL '),
    ids.flatMap((id) => [id, limit]),
  );
  return rows.map(namedDelivery);
}

export async function countDeliveries(database: Database, id: Id): Promise<number> {
  const [row] = await database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM delivery FORCE INDEX (PRIMARY) WHERE message_id = ?', [
    id,
  ]);
  return Number(row!.n);
}

/** A consumer's deliveries, newest message first. With a status the rows of other statuses are read and dropped on the way. */
export async function listDeliveries(database: Database, consumerId: number, page: Page, status?: DeliveryStatus): Promise<DeliveryRow[]> {
  const values: unknown[] = [consumerId];
  if (page.before !== undefined) values.push(page.before);
  if (status) values.push(deliveryStatusCode(status));
  const rows = await database.query<Stored<DeliveryRow>[]>(
    `SELECT ${DELIVERY} FROM delivery d FORCE INDEX (delivery_by_consumer) JOIN consumer c ON c.id = d.consumer_id
      WHERE d.consumer_id = ? ${page.before === undefined ? '' : 'AND d.message_id < ?'} ${status ? 'AND d.status = ?' : ''}
      ORDER BY d.consumer_id DESC, d.message_id DESC LIMIT ?`,
    [...values, page.limit],
  );
  return rows.map(namedDelivery);
}

export async function findDelivery(database: Database, messageId: Id, consumerId: number): Promise<DeliveryRow | undefined> {
  const rows = await database.query<Stored<DeliveryRow>[]>(
    `SELECT ${DELIVERY} FROM delivery d FORCE INDEX (PRIMARY) JOIN consumer c ON c.id = d.consumer_id WHERE d.message_id = ? AND d.consumer_id = ?`,
    [messageId, consumerId],
  );
  return rows.map(namedDelivery)[0];
}

/** Attempts of one delivery, first to last. */
export function listAttempts(database: Database, messageId: Id, consumerId: number): Promise<AttemptRow[]> {
  return database.query<AttemptRow[]>(
    `SELECT number, started_at AS startedAt, duration_ms AS durationMs, http_code AS httpCode, error_class AS errorClass, next_attempt_at AS nextAttemptAt,
            response_body AS responseBody
       FROM attempt FORCE INDEX (PRIMARY) WHERE message_id = ? AND consumer_id = ? ORDER BY message_id, consumer_id, number`,
    [messageId, consumerId],
  );
}

export async function findChannelId(database: Database, name: string): Promise<number | undefined> {
  const [row] = await database.query<{ id: number }[]>('SELECT id FROM channel WHERE name = ?', [name]);
  return row?.id;
}
