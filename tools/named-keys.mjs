// What it costs the server to change rows by a list of keys: as JSON that is joined to the table, or named in the statement (docs/decisions/0012). CPU of
// the whole server for each row, in µs, medians; it has to run on this machine, with nothing else to do.
//
//   DATABASE_URL=mysql://root@127.0.0.1:3306/ node tools/named-keys.mjs [--rows 128] [--lanes 1] [--rounds 25]      (after npm run build)
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { firstIdAt } from '../dist/libs/domain/src/index.js';
import { migrate } from '../dist/libs/storage/src/index.js';
import { percentile } from './bench/figures.mjs';
import { processOf } from './bench/server.mjs';
import { databaseOf, using } from './steps/sql.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '128' },
    lanes: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '25' },
  },
});
const [rows, lanes, rounds] = [values.rows, values.lanes, values.rounds].map(Number);
const batchesInRound = 8;
const token = 77n;

const ready = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', s BIGINT UNSIGNED PATH '$[1]')) k
  STRAIGHT_JOIN ready r FORCE INDEX (PRIMARY) ON r.consumer_id = k.c AND r.prio_rank = 9 AND r.seq = k.s`;
const delivery = `JSON_TABLE(?, '$[*]' COLUMNS (c INT UNSIGNED PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]')) k
  STRAIGHT_JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = k.m AND d.consumer_id = k.c`;
const json = (keys) => [JSON.stringify(keys.map(([lane, id]) => [lane, String(id)]))];
const named = (keys, column) => {
  const byLane = new Map();
  for (const [lane, id] of keys) byLane.set(lane, [...(byLane.get(lane) ?? []), id]);
  return { where: [...byLane].map(() => `(${column} IN (?))`).join(' OR '), values: [...byLane].flat() };
};

const changes = {
  claim: ['UPDATE', `SET r.lease_until = NOW(3) + INTERVAL 30 SECOND, r.lease_token = ${token}, r.attempts = r.attempts + 1`],
  'in flight': ['UPDATE', 'SET d.status = 2, d.attempts = 1, d.next_attempt_at = NULL, d.updated_at = NOW(3)'],
  'end of lease': ['DELETE r FROM', ''],
  delivered: ['UPDATE', 'SET d.status = 5, d.http_code = 200, d.error_class = NULL, d.next_attempt_at = NULL, d.updated_at = NOW(3)'],
};

function statement([verb, set], form, keys) {
  const ofReady = set.startsWith('SET r.') || verb.startsWith('DELETE');
  const fence = verb.startsWith('DELETE') ? ` AND r.lease_token = ${token}` : '';
  if (form === 'json') return { sql: `${verb} ${ofReady ? ready : delivery}${fence} ${set}`, values: json(keys) };
  const lane = ofReady ? 'r.consumer_id = ? AND r.prio_rank = 9 AND r.seq' : 'd.consumer_id = ? AND d.message_id';
  const { where, values: bound } = named(keys, lane);
  const table = ofReady ? 'ready r' : 'delivery d';
  return { sql: `${verb} ${table} FORCE INDEX (PRIMARY) ${set} WHERE (${where})${fence}`, values: bound };
}

const url = new URL(process.env.DATABASE_URL);
url.pathname = `/posthorn_keys_${randomBytes(4).toString('hex')}`;
const pid = processOf({ url: url.href });
if (!pid) throw new Error('the server does not run on this machine, or its process is not to be seen');
await migrate(url.href);
let id = BigInt(firstIdAt(Date.now()));

await using(url.href, async (connection) => {
  try {
    await connection.query('USE ??', [databaseOf(url.href)]);
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    // The HTTP code of a delivery with and without a place from the beginning.
    const forms = { json: ['json', 0], named: ['named', 0], 'named, the code NULL before': ['named', null] };
    const costs = Object.fromEntries(
      Object.keys(forms).map((name) => [name, Object.fromEntries(Object.keys(changes).map((change) => [change, []]))]),
    );
    for (let round = 0; round < rounds; round++) {
      const order = Object.keys(forms);
      for (const name of round % 2 ? order.toReversed() : order) await oneRound(connection, forms[name], costs[name]);
    }
    for (const [name, of] of Object.entries(costs)) {
      const medians = Object.entries(of).map(([change, all]) => [change, percentile(all, 0.5)]);
      const sum = medians.reduce((total, [, cost]) => total + cost, 0);
      console.log(`${name}: ${medians.map(([change, cost]) => `${change} ${cost.toFixed(1)}`).join(' · ')} · together ${sum.toFixed(1)}`);
    }
  } finally {
    await connection.query('DROP DATABASE ??', [databaseOf(url.href)]);
  }
});

async function oneRound(connection, [form, code], costs) {
  const batches = Array.from({ length: batchesInRound }, () => Array.from({ length: rows }, (_, n) => [1 + (n % lanes), ++id]));
  for (const keys of batches) {
    const deliveries = keys.map(([lane, message]) => [message, lane, 1, code]);
    await connection.query('INSERT INTO delivery (message_id, consumer_id, status, http_code) VALUES ?', [deliveries]);
    const hot = keys.map(([lane, message]) => [lane, 9, message, message]);
    await connection.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', [hot]);
  }
  for (const [name, change] of Object.entries(changes)) {
    const before = cpuMicroseconds();
    for (const keys of batches) {
      const { sql, values: bound } = statement(change, form, keys);
      const [{ affectedRows }] = await connection.query(sql, bound);
      if (affectedRows !== rows) throw new Error(`${name}, ${form}: ${affectedRows} rows in place of ${rows}`);
    }
    costs[name].push((cpuMicroseconds() - before) / (rows * batchesInRound));
  }
}

/** Of all threads of the server; finer than the ticks of /proc/PID/stat. */
function cpuMicroseconds() {
  const ns = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, one) => sum + one, 0) / 1000;
}
