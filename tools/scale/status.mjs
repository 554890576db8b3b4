import path from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../bench/figures.mjs';
import { App, appEnvironment } from '../steps/app.mjs';
import { makeStateDir, root } from '../steps/paths.mjs';
import { freePort } from '../steps/ports.mjs';
import { newAdminKey, newSecretKey } from '../steps/secrets.mjs';
import { databaseOf, using } from '../steps/sql.mjs';

const help = `Measures how long GET /v1/status takes while everything is full: every consumer's lane, dead letters, keys. After "npm run build":

  node tools/scale/status.mjs --database-url mysql://root@127.0.0.1:3306/status [--consumers 500] [--waiting 10000] [--held 2000] [--asks 100] [--loaded]

Fills the database, which must not exist unless --loaded says that an earlier run has filled it, and leaves it there. Each consumer has so many
deliveries that are due (--waiting), and so many dead letters, blocked keys and deliveries behind others of their key (--held, of each).`;

const { values: options } = parseArgs({
  options: {
    'database-url': { type: 'string' },
    consumers: { type: 'string', default: '500' },
    waiting: { type: 'string', default: '10000' },
    held: { type: 'string', default: '2000' },
    asks: { type: 'string', default: '100' },
    loaded: { type: 'boolean', default: false },
  },
});
const url = options['database-url'];
if (!url) {
  console.log(help);
  process.exit(2);
}
const host = '127.0.0.1';
const [consumers, waiting, held, asks] = ['consumers', 'waiting', 'held', 'asks'].map((name) => Number(options[name]));

if (!options.loaded) await load();
await report();

async function load() {
  const { migrate } = await import(path.join(root, 'dist/libs/storage/src/index.js'));
  await migrate(url);
  await using(url, async (connection) => {
    await connection.query('USE ??', [databaseOf(url)]);
    await connection.query('CREATE TEMPORARY TABLE number (n INT UNSIGNED NOT NULL PRIMARY KEY)');
    await connection.query('INSERT INTO number (n) VALUES ?', [Array.from({ length: Math.max(waiting, held) }, (_, n) => [n + 1])]);
    const [{ insertId: channelId }] = await connection.query(`INSERT INTO channel (name) VALUES ('status')`);
    for (let n = 0; n < consumers; n++) {
      const sql = `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, ?, 'push', 'http://127.0.0.1/', '')`;
      const [{ insertId: id }] = await connection.query(sql, [channelId, `c${n}`]);
      const fill = (columns, values, rows) =>
        connection.query(`INSERT INTO ${columns} SELECT ${values} FROM number WHERE n <= ? ORDER BY n`, [id, rows]);
      await fill('ready (consumer_id, prio_rank, seq, message_id)', '?, 9, n, n', waiting);
      await fill('dead_letter (consumer_id, message_id, reason)', `?, n, 'attempts-exhausted'`, held);
      await fill('key_blocked (consumer_id, message_id, key_hash, key_seq)', '?, n, n, n', held);
      await fill('key_waiting (consumer_id, key_hash, seq, message_id, prio_rank)', '?, n, n, n, 9', held);
      if ((n + 1) % 50 === 0) console.error(`${n + 1} consumers`);
    }
    await connection.query('ANALYZE TABLE ready, dead_letter, key_blocked, key_waiting');
  });
}

/** By an ingest process of its own, one request after another. */
async function report() {
  const [port, opsPort] = [await freePort(host), await freePort(host)];
  const adminKey = newAdminKey();
  const env = {
    ...appEnvironment({ databaseUrl: url, adminKey, secretKey: newSecretKey() }),
    PORT: String(port),
    OPS_PORT: String(opsPort),
  };
  const app = new App({ app: 'ingest-api', name: 'ingest-api', env, log: path.join(makeStateDir('bench', 'logs'), 'status.log') });
  try {
    await app.ready(new AbortController().signal);
    console.log('| request | best ms | p50 ms | p99 ms | worst ms |\n|---|---|---|---|---|');
    for (const limit of [1, 50, 500]) {
      const times = [];
      for (let n = 0; n < asks; n++) {
        const began = performance.now();
        const response = await fetch(`http://${host}:${port}/v1/status?limit=${limit}`, {
          headers: { authorization: `Bearer ${adminKey}` },
        });
        const { items } = await response.json();
        times.push(performance.now() - began);
        if (items?.length !== Math.min(limit, consumers)) throw new Error(`answered ${response.status} with ${items?.length} consumers`);
      }
      const at = (share) => percentile(times, share).toFixed(1);
      console.log(`| \`GET /v1/status?limit=${limit}\` | ${Math.min(...times).toFixed(1)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
    }
  } finally {
    await app.stop();
  }
}
