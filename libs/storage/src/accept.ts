import { isAscii } from 'node:buffer';
import mysql2 from 'mysql2';
import { type DueTime, type Filterable, messageStatusCode, type Id, type MessageStatus, orderingHash } from '@app/domain';
import type { Changed, Database, Packets } from './database.js';
import { type Audience, Audiences, expectAudiences, fannedOut } from './audiences.js';
import { isDuplicateKey } from './errors.js';
import { isFenced } from './fence.js';
import { insertRows } from './insert-rows.js';
import { byId, inSets, MAX_KEYS } from './key-rows.js';
import { enqueue, enqueueFanouts, type QueuedFanout } from './ordering/enqueue.js';
import { expectNoFanouts, keysInOrder, keysOf, type PendingFanout, pendingFanouts } from './ordering/pending-fanouts.js';
import type { Statement } from './packets.js';
import { audienceReads, audiencesFrom, type ChannelRow, type ConsumerRow, lockChannels } from './read-audiences.js';
import { type OnUnjudged, recipients } from './recipients.js';
import { dueAt, type DueRow, dueReads, scheduledInserts } from './schedule.js';

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
  /** Left out: at once. */
  due?: DueTime;
}

export interface Idempotency {
  /** First 16 bytes of SHA-256 of the Idempotency-Key. */
  keyHash: Buffer;
  /** First 16 bytes of SHA-256 of the payload. */
  bodyHash: Buffer;
}

export type AcceptOutcome =
  | {
      kind: 'accepted';
      id: Id;
      status: MessageStatus;
      deliveries: number;
      consumerIds: readonly number[];
      /** Of the channel, whether the message goes to them or not. */
      consumers: number;
      /** Of one that is scheduled: when it leaves. */
      deliverAt?: Date;
    }
  | { kind: 'repeated'; id: Id }
  | { kind: 'conflict'; id: Id }
  | { kind: 'unknown-channel' };

/**
 * Stores a batch in one transaction: idempotency keys, messages, and for each a delivery and a ready row per consumer whose filter it matches (or a fan-out
 * row, and the filters are asked when it is fanned out).
 * Nothing of it is visible unless all of it is. Answers in the order of `batch`.
 *
 * The shared lock on the channel rows puts every message before or after every change of the channel's consumers. With `audiences` that are kept
 * from one call to the next it takes one round trip as long as the channels' consumers stay the same, no idempotency key repeats, and no ordering key has messages
 * that wait for their fan-out.
 */
export async function accept(
  database: Database,
  batch: readonly NewMessage[],
  inlineFanout: number,
  audiences = new Audiences(),
): Promise<AcceptOutcome[]> {
  const known = audiences.of(batch);
  if (known) {
    const sendings = sendingsOf(batch, known, audiences.onUnjudged);
    const stored = await storeAtOnce(database, sendings, known);
    if (stored) return stored;
  }
  const outcomes = await database.packets('accept', async (packets) => {
    const first = await look(packets, batch, inlineFanout);
    for (const channelId of new Set(batch.map((message) => message.channelId))) audiences.set(channelId, first.audiences.get(channelId));
    const found = batch.filter((message) => first.audiences.has(message.channelId));
    // What was taken for a channel that is not there is undone with the rest of the transaction.
    if (found.length < batch.length) return { found, stored: new Map<Id, AcceptOutcome>() };
    return { found, stored: await store(packets, batch, first, audiences.onUnjudged) };
  });
  if (outcomes.found.length < batch.length && outcomes.found.length > 0) {
    const again = await accept(database, outcomes.found, inlineFanout, audiences);
    for (const [index, message] of outcomes.found.entries()) outcomes.stored.set(message.id, again[index]!);
  }
  return batch.map((message) => outcomes.stored.get(message.id) ?? { kind: 'unknown-channel' });
}

/** One packet, fenced by what is known of the channels. Undefined, and nothing is stored, when that has changed, a key is taken, or a key in order has fan-outs. */
async function storeAtOnce(
  database: Database,
  sendings: readonly Sending[],
  audiences: Map<number, Audience>,
): Promise<Accepted[] | undefined> {
  const messages = sendings.map(({ message }) => message);
  const keyed = messages.flatMap((message) => (message.idempotency ? [{ message, ...message.idempotency }] : []));
  try {
    return await database.packets('accept', (packets) =>
      commitSendings(packets, sendings, [
        lockChannels([...audiences.keys()]),
        expectAudiences(audiences),
        ...expectNoFanouts(keysInOrder(messages, audiences)),
        ...(keyed.length > 0 ? [takeKeys(keyed, 'INSERT')] : []),
        ...inserts(sendings),
      ]),
    );
  } catch (error) {
    if (isFenced(error) || (keyed.length > 0 && isDuplicateKey(error))) return undefined;
    throw error;
  }
}

interface FirstLook {
  audiences: Map<number, Audience>;
  /** Messages whose idempotency key was taken already, earlier or by another one of this batch. */
  repeats: Map<Id, AcceptOutcome>;
  /** Keys, hashed, of this batch whose messages wait for their fan-out. */
  pending: ReadonlySet<Id>;
}

type KeyRow = { channel_id: number; key_hash: Buffer; message_id: Id; body_hash: Buffer };
type Keyed = Idempotency & { message: NewMessage };

/** One packet: locks the channels, reads their consumers, takes the idempotency keys, reads who holds them, and which ordering keys have fan-outs. */
export async function look(packets: Packets, batch: readonly NewMessage[], inlineFanout: number): Promise<FirstLook> {
  const channelIds = [...new Set(batch.map((message) => message.channelId))];
  const keyed = batch.flatMap((message) => (message.idempotency ? [{ message, ...message.idempotency }] : []));
  const keySets = inSets(inKeyOrder(keyed), MAX_KEYS);
  const [channelRows, consumerRows, ...more] = await packets.send<
    [ChannelRow[], ConsumerRow[], ...(Changed | KeyRow[] | PendingFanout[])[]]
  >(
    ...audienceReads(channelIds, inlineFanout),
    ...pendingFanouts(keysOf(batch)),
    ...keySets.map((some) => takeKeys(some, 'INSERT IGNORE')),
    ...keySets.map(keyHolders),
  );
  const rows = more.flatMap<KeyRow | PendingFanout>((result) => (Array.isArray(result) ? result : []));
  const keyRows = rows.filter((row) => 'body_hash' in row);
  const pending = new Set(rows.flatMap((row) => ('hash' in row ? row.hash : [])));
  const audiences = await audiencesFrom(packets, channelRows, consumerRows, inlineFanout);
  return { audiences, repeats: audiences.size < channelIds.length ? new Map() : repeatsAmong(keyed, keyRows), pending };
}

/** Both in the order of the keys, so that two transactions never wait for each other crosswise. */
const inKeyOrder = (keyed: readonly Keyed[]): Keyed[] =>
  keyed.toSorted((a, b) => a.message.channelId - b.message.channelId || a.keyHash.compare(b.keyHash) || byId(a.message.id, b.message.id));

const takeKeys = (keyed: readonly Keyed[], insert: 'INSERT' | 'INSERT IGNORE'): Statement => ({
  sql: `${insert} INTO idempotency (channel_id, key_hash, message_id, body_hash) VALUES ?`,
  values: [inKeyOrder(keyed).map(({ message, keyHash, bodyHash }) => [message.channelId, keyHash, message.id, bodyHash])],
});

const keyHolders = (keyed: readonly Keyed[]): Statement => ({
  sql: `SELECT channel_id, key_hash, message_id, body_hash FROM idempotency FORCE INDEX (PRIMARY) WHERE (channel_id, key_hash) IN (?)`,
  values: [inKeyOrder(keyed).map(({ message, keyHash }) => [message.channelId, keyHash])],
});

/** Of messages that are not stored yet, at most 500, those whose idempotency keys were taken before, by the same body or another. */
export async function findRepeats(database: Database, messages: readonly NewMessage[]): Promise<Set<Id>> {
  const keyed = messages.flatMap((message) => (message.idempotency ? [{ message, ...message.idempotency }] : []));
  if (keyed.length === 0) return new Set();
  const { sql, values } = keyHolders(keyed);
  const holders = byKey(await database.query<KeyRow[]>(sql, values));
  return new Set(keyed.flatMap(({ message, keyHash }) => (holders.has(nameOf(message.channelId, keyHash)) ? message.id : [])));
}

const nameOf = (channelId: number, keyHash: Buffer): string => `${channelId}/${keyHash.toString('hex')}`;
const byKey = (rows: readonly KeyRow[]): Map<string, KeyRow> => new Map(rows.map((row) => [nameOf(row.channel_id, row.key_hash), row]));

function repeatsAmong(keyed: readonly Keyed[], rows: readonly KeyRow[]): Map<Id, AcceptOutcome> {
  const holders = byKey(rows);
  const repeats = new Map<Id, AcceptOutcome>();
  for (const { message, keyHash, bodyHash } of keyed) {
    const holder = holders.get(nameOf(message.channelId, keyHash));
    if (!holder) throw new Error('an idempotency key vanished between its insert and its read');
    if (holder.message_id === message.id) continue;
    repeats.set(message.id, { kind: holder.body_hash.equals(bodyHash) ? 'repeated' : 'conflict', id: holder.message_id });
  }
  return repeats;
}

async function store(
  packets: Packets,
  batch: readonly NewMessage[],
  { audiences, repeats, pending }: FirstLook,
  onUnjudged: OnUnjudged,
): Promise<Map<Id, AcceptOutcome>> {
  const fresh = batch.filter((message) => !repeats.has(message.id));
  const sendings = sendingsOf(fresh, audiences, onUnjudged, pending);
  const stored = fresh.length > 0 ? await commitSendings(packets, sendings, inserts(sendings)) : [];
  return new Map<Id, AcceptOutcome>([...repeats, ...stored.map((outcome) => [outcome.id, outcome] as const)]);
}

export type Accepted = Extract<AcceptOutcome, { kind: 'accepted' }>;

export const inserts = (sendings: readonly Sending[]): Statement[] => [...messageInserts(sendings), ...deliveryInserts(sendings)];

/** Commits behind these statements, which end the storing of `sendings`, and answers what is said of each. */
export async function commitSendings(
  packets: Packets,
  sendings: readonly Sending[],
  statements: readonly Statement[],
): Promise<Accepted[]> {
  const reads = dueReads(sendings.flatMap(({ message }) => (message.due ? message.id : [])));
  const results = await packets.commit<(Changed | DueRow[])[]>(...statements, ...reads);
  const rows = results.slice(statements.length, -1).flatMap((result) => (Array.isArray(result) ? result : []));
  const times = new Map(rows.map(({ id, deliverAt }) => [id, deliverAt]));
  return sendings.map((sending) => accepted(sending, times.get(sending.message.id)));
}

/** Of a message, what its deliveries are made from. */
export type Addressed = Pick<NewMessage, 'id' | 'channelId' | 'priority' | 'orderingKey' | 'due'>;

/** A message with whom it goes to now. */
export interface Sending<Message extends Addressed = NewMessage> {
  message: Message;
  audience: Audience;
  consumerIds: readonly number[];
  /** Its place in the lanes; left out: the message's id. */
  seq?: Id;
}

/** Whom a message goes to that is not due. */
const NOBODY: Audience = { consumerIds: [], version: 0, priorities: true };

/** `pending`: keys, hashed, of messages that wait for their fan-out. What comes later in one of them, and has an order, waits behind those. */
export const sendingsOf = <Message extends Addressed & Filterable>(
  batch: readonly Message[],
  audiences: ReadonlyMap<number, Audience>,
  onUnjudged: OnUnjudged,
  pending: ReadonlySet<Id> = new Set(),
): Sending<Message>[] =>
  batch.map((message) => {
    const whole = message.due ? NOBODY : audiences.get(message.channelId)!;
    const later = whole.ordered && message.orderingKey !== null && pending.has(orderingHash(message.orderingKey));
    const audience = later ? fannedOut(whole) : whole;
    const { consumerIds, filters } = audience;
    return { message, audience, consumerIds: filters ? recipients(consumerIds, filters, message, onUnjudged) : consumerIds };
  });

export function statusFor({ message, audience }: Sending<Addressed>): MessageStatus {
  if (message.due) return 'scheduled';
  return audience.fanout ? 'acknowledged' : 'out-for-delivery';
}

export function messageInserts(sendings: readonly Sending[]): Statement[] {
  const rows = sendings.map((sending) => messageRow(sending.message, statusFor(sending)));
  return [insertRows('message', MESSAGE, rows), ...scheduledInserts(sendings.flatMap(({ message }) => (message.due ? message.id : [])))];
}

const MESSAGE = [
  'id',
  'channel_id',
  'producer_id',
  'status',
  'priority',
  'type',
  'ordering_key',
  'content_type',
  'headers',
  'trace_parent',
  'size',
  'payload',
  'deliver_at',
];

const messageRow = (m: NewMessage, status: MessageStatus): unknown[] => [
  m.id,
  m.channelId,
  m.producerId,
  messageStatusCode(status),
  m.priority,
  m.type,
  m.orderingKey,
  m.contentType,
  m.headers,
  m.traceParent,
  m.payload.length,
  literal(m.payload),
  dueAt(m.due),
];

/** As text when it is ASCII, which is half as long as hex: a tenth less CPU of the server for a message of 512 bytes. */
const literal = (payload: Buffer): Buffer | { toSqlString: () => string } =>
  isAscii(payload) ? mysql2.raw(`_binary${mysql2.escape(payload.toString('latin1'))}`) : payload;

export function deliveryInserts(sendings: readonly Sending<Addressed>[]): Statement[] {
  const places: Place[] = [];
  const fanouts: unknown[][] = [];
  const queued: QueuedFanout[] = [];
  for (const { message, audience, consumerIds, seq } of sendings) {
    const { fanout, ordered } = audience;
    const { id: messageId, channelId, orderingKey } = message;
    const rank = rankOf(message.priority, audience.priorities);
    const hash = orderingKey !== null && (ordered || fanout?.ordered) ? orderingHash(orderingKey) : undefined;
    if (fanout && hash) queued.push({ messageId, channelId, rank, lastConsumerId: fanout.lastConsumerId, keyHash: hash, seq });
    else if (fanout) fanouts.push([messageId, channelId, rank, fanout.lastConsumerId, seq ?? 0]);
    for (const consumerId of consumerIds)
      places.push({ messageId, consumerId, rank, seq: seq ?? messageId, keyHash: ordered?.has(consumerId) ? hash : undefined });
  }
  const sql = 'INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id, seq) VALUES ?';
  return [...(fanouts.length > 0 ? [{ sql, values: [fanouts] }] : []), ...enqueueFanouts(queued), ...newDeliveries(places)];
}

/** Where in a lane a message of this priority goes: all to the last rank, in order, where the channel does not obey priorities. */
export const rankOf = (priority: number, priorities: boolean): number => (priorities ? 9 - priority : 9);

export interface Place {
  messageId: Id;
  consumerId: number;
  rank: number;
  seq: Id;
  /** Set when the consumer gets the messages of a key in order. Of the same list and key those that come first were published first. */
  keyHash?: Id;
}

/** Rows for one INSERT: longer statements gain nothing. */
const INSERT_ROWS = 2_000;

/** New deliveries, `queued` and ready or behind others of their key, in key order so that two transactions never wait for each other crosswise. */
export function newDeliveries(places: readonly Place[]): Statement[] {
  const byMessage = places.toSorted((a, b) => byId(a.messageId, b.messageId) || a.consumerId - b.consumerId);
  const keyed = places.flatMap((place) => (place.keyHash === undefined ? [] : [{ ...place, keyHash: place.keyHash }]));
  const unordered = keyed.length > 0 ? places.filter((place) => place.keyHash === undefined) : places;
  const byLane = unordered.toSorted((a, b) => a.consumerId - b.consumerId || a.rank - b.rank || byId(a.seq, b.seq));
  const statements: Statement[] = [];
  for (let from = 0; from < places.length; from += INSERT_ROWS) {
    const deliveries = byMessage.slice(from, from + INSERT_ROWS).map((p) => [p.messageId, p.consumerId, 1]);
    statements.push({ sql: 'INSERT INTO delivery (message_id, consumer_id, status) VALUES ?', values: [deliveries] });
    const ready = byLane.slice(from, from + INSERT_ROWS).map((p) => [p.consumerId, p.rank, p.seq, p.messageId]);
    if (ready.length > 0) statements.push({ sql: 'INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', values: [ready] });
  }
  return [...statements, ...enqueue(keyed)];
}

function accepted(sending: Sending, deliverAt?: Date): Accepted {
  const { message, audience, consumerIds } = sending;
  const deliveries = audience.fanout?.deliveries ?? consumerIds.length;
  const consumers = audience.fanout?.deliveries ?? audience.consumerIds.length;
  return { kind: 'accepted', id: message.id, status: statusFor(sending), deliveries, consumerIds, consumers, deliverAt };
}
