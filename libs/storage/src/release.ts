import { type Id, messageStatusCode, type Unjudged } from '@app/domain';
import { deliveryInserts, type Sending, sendingsOf, statusFor } from './accept.js';
import type { Audience } from './audiences.js';
import type { Database, Packets } from './database.js';
import { byId } from './key-rows.js';
import { outOfTurn } from './ordering/out-of-turn.js';
import { keysInOrder, type PendingFanout, pendingFanouts } from './ordering/pending-fanouts.js';
import { audienceReads, audiencesFrom, type ChannelRow, type ConsumerRow } from './read-audiences.js';
import { messageRows, scheduledRows } from './schedule.js';

/** Of one transaction, so that it holds nobody up: messages, deliveries that they may have, and bytes of payloads that are read for filters. */
const MOST = { messages: 200, deliveries: 2_000, bytes: 8 * 1024 * 1024 } as const;

export interface ReleaseOptions {
  /** Consumers of a channel up to which deliveries are made at once; a message of a larger one gets a fan-out row. */
  inlineFanout: number;
  /** Only what was due so long ago. */
  overdueMs?: number;
}

export interface Release {
  /** Messages that left. */
  released: number;
  deliveries: number;
  /** Consumers that have something to do now. */
  consumerIds: number[];
  /** Messages that wait for their fan-out. */
  fanouts: number;
  /** What filters could not judge, and was delivered. */
  unjudged: Unjudged[];
}

const NOTHING: Release = { released: 0, deliveries: 0, consumerIds: [], fanouts: 0, unjudged: [] };

type ScheduledRow = { due: string; message_id: Id; channel_id: number };
type Due = {
  id: Id;
  channelId: number;
  priority: number;
  type: string | null;
  orderingKey: string | null;
  contentType: string | null;
  headers: string | null;
  size: number;
  payload: Buffer;
};

/**
 * Sends out up to 200 scheduled messages that are due, the longest due first, in one transaction: their deliveries for the consumers, and by the filters, of this
 * moment (or fan-out rows). Those that another process is releasing, or that are being cancelled, are skipped, and with them what is in order behind them. `mint`
 * gives each its place at the end of its lanes, and each takes its place in its key. What was scheduled on a channel that is gone is cancelled.
 */
export function release(database: Database, mint: () => Id, { inlineFanout, overdueMs = 0 }: ReleaseOptions): Promise<Release> {
  return database.packets('release', async (packets) => {
    const [rows] = await packets.send<[ScheduledRow[]]>({
      sql: `SELECT CAST(due_at AS CHAR) AS due, message_id, channel_id FROM scheduled FORCE INDEX (PRIMARY)
        WHERE due_at <= NOW(3) - INTERVAL ? MICROSECOND ORDER BY due_at, message_id LIMIT ? FOR UPDATE SKIP LOCKED`,
      values: [overdueMs * 1000, MOST.messages],
    });
    if (rows.length === 0) return NOTHING;
    const { audiences, messages } = await look(packets, rows, inlineFanout);
    const first = rows.slice(0, countOf(rows, audiences, messages));
    const found = first.flatMap(({ message_id }) => messages.get(message_id) ?? []).filter(({ channelId }) => audiences.has(channelId));
    const early = await outOfTurn(packets, found, audiences);
    const taken = first.filter(({ message_id }) => !early.has(message_id));
    if (taken.length === 0) return NOTHING;
    const due = found.filter(({ id }) => !early.has(id));
    const pending = await pendingAmong(packets, due, audiences);
    await readPayloads(packets, due, audiences);
    const unjudged: Unjudged[] = [];
    const sendings = sendingsOf(due, audiences, (reason) => void unjudged.push(reason), pending).map((sending) => ({
      ...sending,
      seq: mint(),
    }));
    await packets.commit(...leave(taken, sendings), ...deliveryInserts(sendings));
    return {
      released: taken.length,
      deliveries: sendings.reduce((sum, { consumerIds }) => sum + consumerIds.length, 0),
      consumerIds: [...new Set(sendings.flatMap(({ consumerIds }) => consumerIds))],
      fanouts: sendings.filter(({ audience }) => audience.fanout).length,
      unjudged,
    };
  });
}

/** Keys, hashed, of those that are in order, in which messages wait for their fan-out. */
async function pendingAmong(packets: Packets, due: readonly Due[], audiences: ReadonlyMap<number, Audience>): Promise<ReadonlySet<Id>> {
  const statements = pendingFanouts(keysInOrder(due, audiences));
  if (statements.length === 0) return new Set();
  const [rows] = await packets.send<[PendingFanout[]]>(...statements);
  return new Set(rows.map(({ hash }) => hash));
}

/** One packet: locks the channels against changes of their consumers, and reads those and the messages without their payloads. */
async function look(packets: Packets, rows: readonly ScheduledRow[], inlineFanout: number) {
  const channelIds = [...new Set(rows.map((row) => row.channel_id))].toSorted((a, b) => a - b);
  const [channelRows, consumerRows, found] = await packets.send<[ChannelRow[], ConsumerRow[], Omit<Due, 'payload'>[]]>(
    ...audienceReads(channelIds, inlineFanout),
    {
      sql: `SELECT id, channel_id AS channelId, priority, type, ordering_key AS orderingKey, content_type AS contentType, headers, size FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)`,
      values: [rows.map((row) => row.message_id).toSorted(byId)],
    },
  );
  const messages = new Map(found.map((message) => [message.id, { ...message, payload: Buffer.alloc(0) }]));
  return { audiences: await audiencesFrom(packets, channelRows, consumerRows, inlineFanout), messages };
}

/** How many of the rows fit into this transaction, at least one; the others stay where they are. */
function countOf(rows: readonly ScheduledRow[], audiences: ReadonlyMap<number, Audience>, messages: ReadonlyMap<Id, Due>): number {
  let [deliveries, bytes] = [0, 0];
  const first = rows.findIndex((row, index) => {
    const audience = audiences.get(row.channel_id);
    deliveries += audience?.consumerIds.length ?? 0;
    bytes += audience?.filters ? (messages.get(row.message_id)?.size ?? 0) : 0;
    return index > 0 && (deliveries > MOST.deliveries || bytes > MOST.bytes);
  });
  return first < 0 ? rows.length : first;
}

/** Only of messages whose consumers have filters. */
async function readPayloads(packets: Packets, due: readonly Due[], audiences: ReadonlyMap<number, Audience>): Promise<void> {
  const judged = new Map(due.filter(({ channelId }) => audiences.get(channelId)!.filters).map((message) => [message.id, message]));
  if (judged.size === 0) return;
  const [payloads] = await packets.send<[{ id: Id; payload: Buffer }[]]>({
    sql: 'SELECT id, payload FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)',
    values: [[...judged.keys()].toSorted(byId)],
  });
  for (const { id, payload } of payloads) judged.get(id)!.payload = payload;
}

function leave(taken: readonly ScheduledRow[], sendings: readonly Sending<Due>[]) {
  const statuses = new Map(sendings.map((sending) => [sending.message.id, statusFor(sending)]));
  const changes = taken
    .map(({ message_id }) => [message_id, messageStatusCode(statuses.get(message_id) ?? 'cancelled')] as const)
    .toSorted(([a], [b]) => byId(a, b));
  return [
    { sql: `DELETE q FROM ${scheduledRows}`, values: [JSON.stringify(taken.map((row) => [row.due, row.message_id]))] },
    { sql: `UPDATE ${messageRows(`s TINYINT UNSIGNED PATH '$[1]'`)} SET m.status = k.s`, values: [JSON.stringify(changes)] },
  ];
}
