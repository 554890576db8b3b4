import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../steps/paths.mjs';
import { Interrupted, Problem } from '../steps/problem.mjs';
import { connectTo, databaseOf } from '../steps/sql.mjs';

const rowsAtOnce = 5_000;
/** The backlog's messages lie so far apart, the last a minute before now: before any process of this database began to mint. */
const apartMs = 10;
const beforeNowMs = 60_000;

/**
 * Writes `rows` messages of `payload` bytes to a channel with one delivery each, queued and ready, for one of its consumers: what accept would
 * have written, at about 20 000 a second.
 */
export async function loadBacklog(url, { channel, consumer, rows, payload, signal, onProgress }) {
  const { firstIdAt, messageStatusCode, deliveryStatusCode } = await import(
    pathToFileURL(path.join(root, 'dist/libs/domain/src/index.js')).href
  );
  const connection = await connectTo(url);
  try {
    await connection.query('USE ??', [databaseOf(url)]);
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    const [[place]] = await connection.query(
      'SELECT c.id AS consumerId, c.channel_id AS channelId FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = ? AND c.name = ?',
      [channel, consumer],
    );
    const firstMs = Date.now() - beforeNowMs - rows * apartMs;
    for (let from = 0; from < rows; from += rowsAtOnce) {
      if (signal.aborted) throw new Interrupted();
      const count = Math.min(rowsAtOnce, rows - from);
      const ids = Array.from({ length: count }, (_, index) => idOf(firstIdAt(firstMs + (from + index) * apartMs), place.consumerId));
      await writeSome(connection, JSON.stringify(ids), {
        ...place,
        messageStatus: messageStatusCode('out-for-delivery'),
        deliveryStatus: deliveryStatusCode('queued'),
        payload: Buffer.alloc(payload, 'x'),
      });
      onProgress?.(from + count);
    }
  } catch (error) {
    // The error of the driver has the whole statement in it, thousands of ids.
    throw error.sqlMessage ? new Problem(`The backlog of ${consumer} cannot be written: ${error.sqlMessage}`) : error;
  } finally {
    await connection.end();
  }
}

/** `firstId` of a millisecond, with the consumer's number in the low bits: the backlogs of two consumers never share an id. */
export const idOf = (firstId, consumerId) => String(BigInt(firstId) + BigInt(consumerId));

/** For each consumer of a channel by its name: deliveries in `ready`, and attempts so far. */
export async function describeConsumers(url, channel) {
  const connection = await connectTo(url);
  try {
    await connection.query('USE ??', [databaseOf(url)]);
    const [rows] = await connection.query(
      `SELECT c.name, (SELECT COUNT(*) FROM ready r WHERE r.consumer_id = c.id) AS ready,
              (SELECT COALESCE(SUM(d.attempts), 0) FROM delivery d WHERE d.consumer_id = c.id) AS attempts
         FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = ?`,
      [channel],
    );
    return Object.fromEntries(rows.map(({ name, ready, attempts }) => [name, { ready: Number(ready), attempts: Number(attempts) }]));
  } finally {
    await connection.end();
  }
}

async function writeSome(connection, ids, { channelId, consumerId, messageStatus, deliveryStatus, payload }) {
  const source = `FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) k`;
  await connection.beginTransaction();
  await connection.query(
    `INSERT INTO message (id, channel_id, status, priority, content_type, size, payload) SELECT k.id, ?, ?, 0, 'text/plain', ?, ? ${source}`,
    [channelId, messageStatus, payload.length, payload, ids],
  );
  await connection.query(`INSERT INTO delivery (message_id, consumer_id, status) SELECT k.id, ?, ? ${source}`, [
    consumerId,
    deliveryStatus,
    ids,
  ]);
  await connection.query(`INSERT INTO ready (consumer_id, prio_rank, seq, message_id) SELECT ?, 9, k.id, k.id ${source}`, [
    consumerId,
    ids,
  ]);
  await connection.commit();
}
