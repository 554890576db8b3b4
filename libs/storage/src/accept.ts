import { messageStatusCode, type Id, type MessageStatus } from '@app/domain';
import type { Database, Session } from './database.js';
import { byId } from './key-rows.js';

/** A message as it came in, checked, with the id that it will have. */
export interface NewMessage {
  id: Id;
  channelId: number;
  producerId: number | null;
  /** 0–9, 9 first. */
  priority: number;
  type: string | null;
  orderingKey: string | null;
  contentType: string | null;
  /** JSON object of the headers that are passed on. */
  headers: string | null;
  traceParent: string | null;
  payload: Buffer;
  idempotency?: Idempotency;
}

export interface Idempotency {
  /** First 16 bytes of SHA-256 of the Idempotency-Key. */
  keyHash: Buffer;
  /** First 16 bytes of SHA-256 of the payload. */
  bodyHash: Buffer;
}

export type AcceptOutcome =
  | { kind: 'accepted'; id: Id; status: MessageStatus; deliveries: number; consumerIds: readonly number[] }
  | { kind: 'repeated'; id: Id }
  | { kind: 'conflict'; id: Id }
  | { kind: 'unknown-channel' };

interface Audience {
  consumerIds: number[];
  /** Set when the channel has more consumers than are served inline. */
  fanout?: { lastConsumerId: number; deliveries: number };
}

/**
 * Stores a batch in one transaction: idempotency keys, messages, and for each a delivery and a ready row per consumer (or a fan-out row).
 * Nothing of it is visible unless all of it is. Answers in the order of `batch`.
 *
 * The shared lock on the channel rows puts every message before or after every change of the channel's consumers.
 */
export async function accept(database: Database, batch: readonly NewMessage[], inlineFanout: number): Promise<AcceptOutcome[]> {
  const outcomes = await database.transaction('accept', async (session) => {
    const audiences = await readAudiences(session, [...new Set(batch.map((m) => m.channelId))], inlineFanout);
    const known = batch.filter((message) => audiences.has(message.channelId));
    const repeats = await claimKeys(session, known);
    const fresh = known.filter((message) => !repeats.has(message.id));
    if (fresh.length > 0) {
      await insertMessages(session, fresh, audiences);
      await insertDeliveries(session, fresh, audiences);
    }
    return new Map(known.map((message) => [message.id, repeats.get(message.id) ?? accepted(message, audiences.get(message.channelId)!)]));
  });
  return batch.map((message) => outcomes.get(message.id) ?? { kind: 'unknown-channel' });
}

async function readAudiences(session: Session, channelIds: number[], inlineFanout: number): Promise<Map<number, Audience>> {
  const channels = await session.query<{ id: number }[]>(
    'SELECT id FROM channel FORCE INDEX (PRIMARY) WHERE id IN (?) ORDER BY id LOCK IN SHARE MODE',
    [channelIds],
  );
  const audiences = new Map<number, Audience>(channels.map(({ id }) => [id, { consumerIds: [] }]));
  if (audiences.size === 0) return audiences;
  const one =
    '(SELECT channel_id, id FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? ORDER BY channel_id, id LIMIT ?)';
  const rows = await session.query<{ channel_id: number; id: number }[]>(
    Array.from(audiences, () => one).join(' UNION ALL '),
    [...audiences.keys()].flatMap((id) => [id, inlineFanout + 1]),
  );
  for (const { channel_id, id } of rows) audiences.get(channel_id)?.consumerIds.push(id);
  for (const [channelId, audience] of audiences) {
    if (audience.consumerIds.length <= inlineFanout) continue;
    const [all] = await session.query<{ last: number; deliveries: string }[]>(
      'SELECT MAX(id) AS last, COUNT(*) AS deliveries FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ?',
      [channelId],
    );
    audiences.set(channelId, { consumerIds: [], fanout: { lastConsumerId: all!.last, deliveries: Number(all!.deliveries) } });
  }
  return audiences;
}

/** Takes the idempotency keys of a batch; answers for the messages whose key was taken already, earlier or by another one of this batch. */
async function claimKeys(session: Session, batch: readonly NewMessage[]): Promise<Map<Id, AcceptOutcome>> {
  const keyed = batch.flatMap((message) => (message.idempotency ? [{ message, ...message.idempotency }] : []));
  if (keyed.length === 0) return new Map();
  const sorted = keyed.toSorted(
    (a, b) => a.message.channelId - b.message.channelId || a.keyHash.compare(b.keyHash) || byId(a.message.id, b.message.id),
  );
  await session.query('INSERT IGNORE INTO idempotency (channel_id, key_hash, message_id, body_hash) VALUES ?', [
    sorted.map(({ message, keyHash, bodyHash }) => [message.channelId, keyHash, message.id, bodyHash]),
  ]);
  const rows = await session.query<{ channel_id: number; key_hash: Buffer; message_id: Id; body_hash: Buffer }[]>(
    `SELECT channel_id, key_hash, message_id, body_hash FROM idempotency FORCE INDEX (PRIMARY) WHERE (channel_id, key_hash) IN (?)`,
    [sorted.map(({ message, keyHash }) => [message.channelId, keyHash])],
  );
  const holders = new Map(rows.map((row) => [`${row.channel_id}/${row.key_hash.toString('hex')}`, row]));
  const repeats = new Map<Id, AcceptOutcome>();
  for (const { message, keyHash, bodyHash } of keyed) {
    const holder = holders.get(`${message.channelId}/${keyHash.toString('hex')}`);
    if (!holder) throw new Error('an idempotency key vanished between its insert and its read');
    if (holder.message_id === message.id) continue;
    repeats.set(message.id, { kind: holder.body_hash.equals(bodyHash) ? 'repeated' : 'conflict', id: holder.message_id });
  }
  return repeats;
}

const statusFor = (audience: Audience): MessageStatus => (audience.fanout ? 'acknowledged' : 'out-for-delivery');

async function insertMessages(session: Session, batch: readonly NewMessage[], audiences: Map<number, Audience>): Promise<void> {
  await session.query(
    `INSERT INTO message (id, channel_id, producer_id, status, priority, type, ordering_key, content_type, headers, trace_parent, size, payload) VALUES ?`,
    [
      batch.map((m) => {
        const status = messageStatusCode(statusFor(audiences.get(m.channelId)!));
        return [
          m.id,
          m.channelId,
          m.producerId,
          status,
          m.priority,
          m.type,
          m.orderingKey,
          m.contentType,
          m.headers,
          m.traceParent,
          m.payload.length,
          m.payload,
        ];
      }),
    ],
  );
}

async function insertDeliveries(session: Session, batch: readonly NewMessage[], audiences: Map<number, Audience>): Promise<void> {
  const places: Place[] = [];
  const fanouts: unknown[][] = [];
  for (const message of batch) {
    const { consumerIds, fanout } = audiences.get(message.channelId)!;
    const rank = 9 - message.priority;
    if (fanout) fanouts.push([message.id, message.channelId, rank, fanout.lastConsumerId]);
    for (const consumerId of consumerIds) places.push({ messageId: message.id, consumerId, rank });
  }
  await makeDeliveries(session, places);
  if (fanouts.length > 0)
    await session.query('INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id) VALUES ?', [fanouts]);
}

export interface Place {
  messageId: Id;
  consumerId: number;
  rank: number;
}

/** Rows for one INSERT: longer statements gain nothing and hold up the connection. */
const INSERT_ROWS = 2_000;

/** New deliveries, `queued` and ready, in key order so that two transactions never wait for each other crosswise. */
export async function makeDeliveries(session: Session, places: readonly Place[]): Promise<void> {
  const byMessage = places.toSorted((a, b) => byId(a.messageId, b.messageId) || a.consumerId - b.consumerId);
  const byLane = places.toSorted((a, b) => a.consumerId - b.consumerId || a.rank - b.rank || byId(a.messageId, b.messageId));
  for (let from = 0; from < places.length; from += INSERT_ROWS) {
    const deliveries = byMessage.slice(from, from + INSERT_ROWS).map((p) => [p.messageId, p.consumerId, 1]);
    await session.query('INSERT INTO delivery (message_id, consumer_id, status) VALUES ?', [deliveries]);
    const ready = byLane.slice(from, from + INSERT_ROWS).map((p) => [p.consumerId, p.rank, p.messageId, p.messageId]);
    await session.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', [ready]);
  }
}

function accepted(message: NewMessage, audience: Audience): AcceptOutcome {
  const deliveries = audience.fanout?.deliveries ?? audience.consumerIds.length;
  return { kind: 'accepted', id: message.id, status: statusFor(audience), deliveries, consumerIds: audience.consumerIds };
}
