// What a job costs that looks at a great many messages or dead letters of which few match: how long its longest step takes, which is one transaction, and all of
// them together. No process runs beside it, and nothing is sent.
//
//   DATABASE_URL=mysql://root@127.0.0.1:3306/ node tools/job-sweep.mjs [--messages 1000000] [--every 10000]      (after npm run build)
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createJob, Database, migrate, Node, stepJob } from '../dist/libs/storage/src/index.js';
import { percentile } from './bench/figures.mjs';
import { Loader } from './scale/loader.mjs';
import { databaseOf, using } from './steps/sql.mjs';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '1000000' }, every: { type: 'string', default: '10000' } },
});
const [messages, every] = [values.messages, values.every].map(Number);
const of = { channel: 'sweep', consumer: 'c' };
/** Asks for the payload of every message, and finds nothing. */
const rareBody = { body: { loaded: [false] } };

const url = new URL(process.env.DATABASE_URL);
url.pathname = `/posthorn_sweep_${randomBytes(4).toString('hex')}`;
await migrate(url.href);
const database = await Database.open({ url: url.href, poolSize: 4, onRetry: () => {} });
const node = await Node.join(database, 'failsafe-scheduler');
const beats = setInterval(() => void node.heartbeat(), 1000);

try {
  await load();
  const few = `one of ${every}`;
  await measure(`replay, ${few} matches by type`, 'replay', { settings: { type: 'rare' } });
  await database.query('UPDATE consumer SET filter = ?', [JSON.stringify(rareBody)]);
  await measure('replay, none matches by a filter of payloads', 'replay', {});
  await bury();
  await measure(`discard, ${few} matches by error class`, 'discard', { settings: { errorClass: 'timeout' } });
  await measure('discard, none matches by type', 'discard', { settings: { type: 'none*' } });
  await measure('discard, all match', 'discard', {});
} finally {
  clearInterval(beats);
  await database.close();
  await atOnce(['DROP DATABASE ??', databaseOf(url.href)]);
}

/** Statements that take longer than any of Posthorn may. */
function atOnce(...statements) {
  return using(url.href, async (connection) => {
    await connection.query('USE ??', [databaseOf(url.href)]);
    for (const [sql, ...parameters] of statements) await connection.query(sql, parameters);
  });
}

async function load() {
  ({ insertId: of.channelId } = await database.query(`INSERT INTO channel (name) VALUES ('sweep')`));
  ({ insertId: of.consumerId } = await database.query(
    `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, 'c', 'push', 'http://127.0.0.1/', '')`,
    [of.channelId],
  ));
  const began = performance.now();
  const loader = new Loader(url.href, { signal: new AbortController().signal });
  await loader.history({ deliveries: messages, days: 1, channelId: of.channelId, consumerIds: [of.consumerId] });
  await atOnce([`UPDATE message SET type = 'rare' WHERE id MOD ? = 0`, every]);
  console.log(`${messages} messages loaded in ${seconds(performance.now() - began)}`);
}

/** Every delivery is a dead letter from now on. */
async function bury() {
  await atOnce(
    ['DELETE FROM ready'],
    [`INSERT INTO dead_letter (consumer_id, message_id, reason) SELECT consumer_id, message_id, 'attempts-exhausted' FROM delivery`],
    [`UPDATE delivery SET status = 6, error_class = IF(message_id MOD ? = 0, 'timeout', 'http-status')`, every],
  );
}

async function measure(name, kind, { settings = {} }) {
  const job = { id: node.mint(), kind, cause: 'request', of, settings, ratePerSecond: null };
  const { id } = await createJob(database, job, { record: () => Promise.resolve() }, 10);
  const took = [];
  let step;
  do {
    const began = performance.now();
    step = await stepJob(database, id, { mint: () => node.mint(), aheadRows: messages });
    took.push(performance.now() - began);
  } while (step.state === 'running');
  const [{ done, seen }] = await database.query('SELECT done, seen FROM job WHERE id = ?', [id]);
  const times = `median ${percentile(took, 0.5).toFixed(1)} ms, p99 ${percentile(took, 0.99).toFixed(1)} ms, longest ${Math.max(...took).toFixed(1)} ms`;
  console.log(`${name}: ${done} of ${seen} in ${seconds(took.reduce((sum, ms) => sum + ms, 0))}, ${took.length} steps: ${times}`);
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
