import { idExpression } from './spread.mjs';

/** As stored; tools/scale/rows.spec.mjs compares them with libs/domain. */
export const codes = { outForDelivery: 2, queued: 1, delivered: 5 };
/** Of messages without a priority. */
const ordinaryRank = 9;
const payload = JSON.stringify({ loaded: true });

/** `number` holds 0, 1, 2, … up to what one statement inserts. */
const select = (part, { from, rows }, perMessage, columns) => {
  const row = `${from} + number.n`;
  const message = perMessage === 1 ? row : `(${row}) DIV ${perMessage}`;
  return `SELECT ${columns} FROM (SELECT number.n AS n, ${idExpression(part, message)} AS id FROM number WHERE number.n < ${rows}) t ORDER BY t.n`;
};

const at = `TIMESTAMP('2025-01-01') + INTERVAL (t.id >> 22) * 1000 MICROSECOND`;

const oneOf = (consumerIds, from) =>
  consumerIds.length === 1 ? consumerIds[0] : `ELT((${from} + t.n) MOD ${consumerIds.length} + 1, ${consumerIds.join(', ')})`;

/** Statements that each insert one cut of one part of the spread (see spread.mjs), in the order of the primary key. */
export const insertMessages = (part, cut, channelId) =>
  `INSERT INTO message (id, channel_id, status, priority, content_type, size, created_at, payload)
   ${select(part, cut, 1, `t.id, ${channelId}, ${codes.outForDelivery}, 0, 'application/json', ${payload.length}, ${at}, '${payload}'`)}`;

/** Row number n is for message n DIV consumers, consumer n MOD consumers. */
export const insertDelivered = (part, cut, consumerIds) =>
  `INSERT INTO delivery (message_id, consumer_id, status, attempts, http_code, updated_at)
   ${select(part, cut, consumerIds.length, `t.id, ${oneOf(consumerIds, cut.from)}, ${codes.delivered}, 1, 200, ${at}`)}`;

export const insertAttempts = (part, cut, consumerIds) =>
  `INSERT INTO attempt (message_id, consumer_id, number, node, started_at, duration_ms, http_code)
   ${select(part, cut, consumerIds.length, `t.id, ${oneOf(consumerIds, cut.from)}, 1, 1, ${at}, 5, 200`)}`;

export const insertQueued = (part, cut, consumerId) =>
  `INSERT INTO delivery (message_id, consumer_id, status, updated_at) ${select(part, cut, 1, `t.id, ${consumerId}, ${codes.queued}, ${at}`)}`;

export const insertReady = (part, cut, consumerId) =>
  `INSERT INTO ready (consumer_id, prio_rank, seq, message_id) ${select(part, cut, 1, `${consumerId}, ${ordinaryRank}, t.id, t.id`)}`;
