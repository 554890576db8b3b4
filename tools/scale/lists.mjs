import path from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../bench/figures.mjs';
import { root } from '../steps/paths.mjs';
import { connectTo, databaseOf } from '../steps/sql.mjs';
import { Loader } from './loader.mjs';

const help = `Measures how long pages of lists take, whatever the filter, with many rows behind them. After "npm run build":

  node tools/scale/lists.mjs --database-url mysql://root@127.0.0.1:3306/lists [--deliveries 20000000] [--pages 100] [--loaded]

Fills the database, which must not exist unless --loaded says that an earlier run has filled it, and leaves it there.`;

const days = 7;
/** Consumers of the channel. */
const consumers = 4;
/** One message in so many has the type that a search looks for; so many deliveries are dead, and wait to be retried. */
const rareEvery = 500_000;
const unfinished = 1_000;

const { values: options } = parseArgs({
  options: {
    'database-url': { type: 'string' },
    deliveries: { type: 'string', default: '20000000' },
    pages: { type: 'string', default: '100' },
    loaded: { type: 'boolean', default: false },
  },
});
const url = options['database-url'];
if (!url) {
  console.log(help);
  process.exit(2);
}

const storage = await import(path.join(root, 'dist/libs/storage/src/index.js'));
const { Database, migrate, searchDeadLetters, searchDeliveries, searchMessages } = storage;
const bounds = { rows: 20_000, ms: 20 };

if (!options.loaded) await load();
const database = await Database.open({ url, poolSize: 4, statementTimeoutMs: 60_000 });
const [{ id: channelId }] = await database.query(`SELECT id FROM channel WHERE name = 'lists'`);
const consumerIds = (await database.query('SELECT id FROM consumer WHERE channel_id = ? ORDER BY id', [channelId])).map(({ id }) => id);
const [{ first, last }] = await database.query('SELECT CAST(MIN(id) AS CHAR) AS first, CAST(MAX(id) AS CHAR) AS last FROM message');
const hour = { from: new Date(Date.now() - 50 * 3_600_000), to: new Date(Date.now() - 49 * 3_600_000) };
const ofMessages = (filter) => (page) => searchMessages(database, channelId, filter, page, bounds);
const ofChannel = (filter) => (page) => searchDeliveries(database, { channelId }, filter, page, bounds);
const of = (n, filter) => (page) => searchDeliveries(database, { consumerId: consumerIds[n] }, filter, page, bounds);
const letters = (filter) => (page) => searchDeadLetters(database, consumerIds[0], filter, page, bounds);
await report();
await database.close();

async function load() {
  await migrate(url);
  const connection = await connectTo(url);
  await connection.query('USE ??', [databaseOf(url)]);
  const [{ insertId }] = await connection.query(`INSERT INTO channel (name) VALUES ('lists')`);
  const ids = [];
  for (let n = 0; n < consumers; n++) {
    const sql = `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, ?, 'push', 'http://127.0.0.1/', '')`;
    ids.push((await connection.query(sql, [insertId, `c${n}`]))[0].insertId);
  }
  const loader = new Loader(url, {
    signal: new AbortController().signal,
    onRows: (rows) => rows % 500_000 < 10_000 && console.error(`${rows} rows`),
  });
  await loader.history({ deliveries: Number(options.deliveries), days, channelId: insertId, consumerIds: ids });
  // Spread over all that is there: every message whose place is a multiple of the step.
  const [[{ messages }]] = await connection.query('SELECT COUNT(*) AS messages FROM message');
  const every = async (step) => {
    const [rows] = await connection.query(
      'SELECT CAST(id AS CHAR) AS id FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM message) t WHERE n MOD ? = 0',
      [Math.max(1, Math.floor(step))],
    );
    return rows.map(({ id }) => id);
  };
  await connection.query(`UPDATE message SET type = 'rare.one', ordering_key = 'k' WHERE id IN (?)`, [await every(rareEvery / consumers)]);
  const some = await every(messages / unfinished);
  await connection.query(`UPDATE delivery SET status = 6, error_class = 'timeout' WHERE consumer_id = ? AND message_id IN (?)`, [
    ids[0],
    some,
  ]);
  await connection.query('INSERT INTO dead_letter (consumer_id, message_id, reason) VALUES ?', [
    some.map((id) => [ids[0], id, 'attempts-exhausted']),
  ]);
  await connection.query(`UPDATE delivery SET status = 3, error_class = 'timeout' WHERE consumer_id = ? AND message_id IN (?)`, [
    ids[1],
    some,
  ]);
  await connection.query('INSERT INTO retry (due_at, message_id, consumer_id, prio_rank, attempts) VALUES ?', [
    some.map((id) => [new Date(Date.now() + 3_600_000), id, ids[1], 9, 1]),
  ]);
  await connection.query('ANALYZE TABLE message, delivery, dead_letter, retry');
  await connection.end();
}

async function report() {
  const lists = {
    messages: ofMessages({}),
    'messages?type=rare.*': ofMessages({ type: 'rare.*' }),
    'messages?type=rare.one, an hour': ofMessages({ type: 'rare.one', ...hour }),
    'messages?key=k': ofMessages({ orderingKey: 'k' }),
    deliveries: ofChannel({}),
    'deliveries?errorClass=dns': ofChannel({ errorClass: 'dns' }),
    'deliveries?type=rare.*': ofChannel({ type: 'rare.*' }),
    'deliveries?status=dead': ofChannel({ status: 'dead' }),
    'deliveries?status=retry-delivery': ofChannel({ status: 'retry-delivery' }),
    'deliveries?status=queued': ofChannel({ status: 'queued' }),
    '…/deliveries': of(2, {}),
    '…/deliveries?errorClass=dns': of(2, { errorClass: 'dns' }),
    '…/deliveries?type=rare.*': of(2, { type: 'rare.*' }),
    '…/deliveries?status=retry-delivery': of(1, { status: 'retry-delivery' }),
    '…/deliveries?status=dead&type=rare.*': of(0, { status: 'dead', type: 'rare.*' }),
    '…/dead-letters': letters({}),
    '…/dead-letters?type=rare.*&errorClass=timeout': letters({ type: 'rare.*', errorClass: 'timeout' }),
  };
  console.log('| list | p50 ms | p99 ms | worst ms |\n|---|---|---|---|');
  for (const [name, find] of Object.entries(lists)) {
    const times = [];
    for (let n = 0; n < Number(options.pages); n++) {
      // From the newest, and from anywhere else.
      const after =
        n % 4 === 0
          ? undefined
          : { messageId: String(BigInt(first) + BigInt(Math.floor(Math.random() * Number(BigInt(last) - BigInt(first))))), consumerId: 0 };
      const began = performance.now();
      await find({ limit: 50, after });
      times.push(performance.now() - began);
    }
    const at = (share) => percentile(times, share).toFixed(1);
    console.log(`| \`${name}\` | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
  }
}
