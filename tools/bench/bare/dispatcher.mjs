/**
 * The delivering half of the bare loop, a process of its own: claims, POSTs, settles. No signatures, target guard, deadlines, retries, limits, logs or metrics;
 * a lease that runs out is claimed again, so that it loses nothing. Started with a database URL and the consumers' URLs.
 */
import { Pool } from 'undici';
import { open } from './schema.mjs';

const [databaseUrl, ...urls] = process.argv.slice(2);
const mostInFlight = 256;
const mostInClaim = 128;
/** Claiming fewer at a time costs more than it gains. */
const leastInClaim = 16;
const mostInSettle = 256;
const idleMs = 5;
const leaseSeconds = 30;

const claims = await open(databaseUrl);
const settles = await open(databaseUrl);
const targets = urls.map((url) => ({
  path: new URL(url).pathname,
  pool: new Pool(new URL(url).origin, { connections: 64, keepAliveTimeout: 60_000 }),
}));

const ready = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', s BIGINT UNSIGNED PATH '$[1]', t BIGINT UNSIGNED PATH '$[2]')) k
  STRAIGHT_JOIN ready r FORCE INDEX (PRIMARY) ON r.consumer_id = k.c AND r.prio_rank = 9 AND r.seq = k.s`;
const deliveries = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]', h SMALLINT UNSIGNED PATH '$[3]')) k
  STRAIGHT_JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = k.m AND d.consumer_id = k.c`;
const rowsOf = (works) => JSON.stringify(works.map(({ consumer, id, token, status }) => [consumer, id, token, status ?? 0]));

let inFlight = 0;
let token = BigInt(Date.now()) << 10n;
let settling = false;
const ended = [];

async function claim(consumer, limit) {
  await claims.query('START TRANSACTION');
  const [found] = await claims.query(
    `SELECT seq AS id FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? AND lease_until <= NOW(3)
      ORDER BY consumer_id, prio_rank, seq LIMIT ? FOR UPDATE SKIP LOCKED`,
    [consumer, limit],
  );
  if (found.length === 0) {
    await claims.query('ROLLBACK');
    return 0;
  }
  token += 1n;
  const works = found.map(({ id }) => ({ consumer, id, token: String(token) }));
  const rows = rowsOf(works);
  await claims.query(`UPDATE ${ready} SET r.lease_until = NOW(3) + INTERVAL ? SECOND, r.lease_token = k.t, r.attempts = r.attempts + 1`, [
    rows,
    leaseSeconds,
  ]);
  await claims.query(`UPDATE ${deliveries} SET d.status = 2, d.updated_at = NOW(3)`, [rows]);
  await claims.query('COMMIT');
  const [messages] = await claims.query('SELECT id, content_type AS contentType, payload FROM message WHERE id IN (?)', [
    works.map(({ id }) => id),
  ]);
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const work of works) void post(work, byId.get(work.id));
  return works.length;
}

async function post(work, { contentType, payload }) {
  inFlight += 1;
  const began = performance.now();
  const { pool, path } = targets[work.consumer - 1];
  try {
    const answer = await pool.request({
      path,
      method: 'POST',
      headers: { 'content-type': contentType, 'webhook-id': work.id },
      body: payload,
    });
    await answer.body.dump();
    work.status = answer.statusCode;
  } catch {
    work.status = 0;
  }
  work.ms = Math.round(performance.now() - began);
  inFlight -= 1;
  ended.push(work);
  if (!settling) {
    settling = true;
    setImmediate(() => void settle());
  }
}

async function settle() {
  while (ended.length > 0) {
    const works = ended.splice(0, mostInSettle);
    const rows = rowsOf(works);
    await settles.query('START TRANSACTION');
    await settles.query(`DELETE r FROM ${ready} AND r.lease_token = k.t`, [rows]);
    await settles.query(`UPDATE ${deliveries} SET d.status = 5, d.attempts = d.attempts + 1, d.http_code = k.h, d.updated_at = NOW(3)`, [
      rows,
    ]);
    await settles.query('INSERT INTO attempt (message_id, consumer_id, number, http_code, duration_ms, at) VALUES ?', [
      works.map(({ id, consumer, status, ms }) => [id, consumer, 1, status, ms, new Date()]),
    ]);
    await settles.query('COMMIT');
  }
  settling = false;
}

process.send({ type: 'delivering' });
process.once('disconnect', () => process.exit(0));
for (;;) {
  let claimed = 0;
  for (const [index] of targets.entries()) {
    const free = mostInFlight - inFlight;
    if (free > leastInClaim) claimed += await claim(index + 1, Math.min(free, mostInClaim));
  }
  if (claimed === 0) await new Promise((resolve) => setTimeout(resolve, inFlight > 0 ? 1 : idleMs));
}
