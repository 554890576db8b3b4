// What the order of keys costs in the database: messages for one consumer accepted, then claimed and settled by two dispatchers without a POST in between,
// once without order and once with a key for each message.
//
//   DATABASE_URL=mysql://root@127.0.0.1:3306/ node tools/ordering-rate.mjs [--messages 20000] [--keys 1000] [--rounds 3]      (after npm run build)
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { accept, Audiences, claim, Database, migrate, Node, settle } from '../dist/libs/storage/src/index.js';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '20000' },
    keys: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
  },
});
const [messages, keys, rounds] = [values.messages, values.keys, values.rounds].map(Number);
const acceptBatch = 256;
const claimBatch = 128;

const url = new URL(process.env.DATABASE_URL);
url.pathname = `/posthorn_order_${randomBytes(4).toString('hex')}`;
await migrate(url.href);
let deadlocks = 0;
const database = await Database.open({ url: url.href, poolSize: 12, onRetry: () => deadlocks++ });
const node = await Node.join(database, 'dispatcher');
const beats = setInterval(() => void node.heartbeat(), 1000);

async function seconds(work) {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

/** Two accepting transactions at a time, as an ingest process has. */
async function publish(channelId) {
  const audiences = new Audiences();
  let left = messages;
  const batches = async () => {
    while (left > 0) {
      const count = Math.min(acceptBatch, left);
      const batch = Array.from({ length: count }, (_, n) => ({
        id: node.mint(),
        channelId,
        producerId: null,
        priority: 0,
        type: null,
        orderingKey: `key ${(left - n) % keys}`,
        contentType: 'application/json',
        headers: null,
        traceParent: null,
        payload: Buffer.alloc(512, 'x'),
      }));
      left -= count;
      await accept(database, batch, 100, audiences);
    }
  };
  await Promise.all([batches(), batches()]);
}

/** Two dispatchers; each claims while it settles what it claimed before. */
async function deliver(consumerId) {
  let left = messages;
  const dispatcher = async () => {
    let settling = Promise.resolve();
    while (left > 0) {
      const { claimed } = await claim(database, [{ consumerId, limit: claimBatch, leaseMs: 60_000 }], node.mint());
      left -= claimed.length;
      await settling;
      const outcomes = claimed.map((one) => ({
        claim: one,
        step: { to: 'delivered' },
        startedAtMs: Date.now(),
        durationMs: 1,
        httpCode: 200,
        errorClass: null,
        responseBody: null,
      }));
      settling = settle(database, outcomes, node);
    }
    await settling;
  };
  await Promise.all([dispatcher(), dispatcher()]);
}

for (let round = 1; round <= rounds; round++) {
  for (const ordering of ['none', 'key']) {
    const { insertId: channelId } = await database.query('INSERT INTO channel (name) VALUES (?)', [`${ordering}-${round}`]);
    const { insertId: consumerId } = await database.query(
      `INSERT INTO consumer (channel_id, name, type, url, signing_secret, ordering) VALUES (?, 'c', 'push', 'http://127.0.0.1/', '', ?)`,
      [channelId, ordering],
    );
    const [accepted, delivered] = [await seconds(() => publish(channelId)), await seconds(() => deliver(consumerId))];
    const rate = (took) => `${Math.round(messages / took)}/s`;
    console.log(`ordering ${ordering}: accepted ${rate(accepted)}, claimed and settled ${rate(delivered)}`);
  }
}
console.log(`transactions run again: ${deadlocks}`);
clearInterval(beats);
await database.query(`DROP DATABASE ${url.pathname.slice(1)}`);
await database.close();
