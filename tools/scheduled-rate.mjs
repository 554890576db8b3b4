// What the index of `scheduled` by channel costs: messages for one consumer scheduled, two accepting transactions at a time, and released when they are due, one
// after another; with the index, and in the same database without it.
//
//   DATABASE_URL=mysql://root@127.0.0.1:3306/ node tools/scheduled-rate.mjs [--messages 20000] [--rounds 3]      (after npm run build)
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { accept, Audiences, Database, migrate, Node, release, scheduledBacklogs } from '../dist/libs/storage/src/index.js';

const { values } = parseArgs({ options: { messages: { type: 'string', default: '20000' }, rounds: { type: 'string', default: '3' } } });
const [messages, rounds] = [values.messages, values.rounds].map(Number);
const batchMessages = 256;

const url = new URL(process.env.DATABASE_URL);
url.pathname = `/posthorn_scheduled_${randomBytes(4).toString('hex')}`;
await migrate(url.href);
const database = await Database.open({ url: url.href, poolSize: 12 });
const node = await Node.join(database, 'dispatcher');
const beats = setInterval(() => void node.heartbeat(), 1000);
const { insertId: channelId } = await database.query(`INSERT INTO channel (name) VALUES ('a')`);
await database.query(
  `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, 'c', 'push', 'http://127.0.0.1/', '')`,
  [channelId],
);

async function seconds(work) {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

/** Messages for a time that has just passed, as clocks may differ. */
async function schedule(at) {
  const audiences = new Audiences();
  let left = messages;
  const batches = async () => {
    while (left > 0) {
      const count = Math.min(batchMessages, left);
      left -= count;
      const batch = Array.from({ length: count }, () => ({
        id: node.mint(),
        channelId,
        producerId: null,
        priority: 0,
        type: null,
        orderingKey: null,
        contentType: 'application/json',
        headers: null,
        traceParent: null,
        payload: Buffer.alloc(512, 'x'),
        due: { at },
      }));
      await accept(database, batch, 100, audiences);
    }
  };
  await Promise.all([batches(), batches()]);
}

async function releaseAll() {
  let left = messages;
  while (left > 0) left -= (await release(database, () => node.mint(), { inlineFanout: 100 })).released;
}

const rate = (took) => `${Math.round(messages / took)}/s`;
for (let round = 1; round <= rounds; round++) {
  for (const index of ['with', 'without']) {
    if (index === 'without') await database.query('ALTER TABLE scheduled DROP KEY scheduled_by_channel');
    const scheduled = await seconds(() => schedule(new Date(Date.now() - 1000)));
    const counted = index === 'with' ? await seconds(() => scheduledBacklogs(database, new Map([[channelId, messages]]))) : undefined;
    const released = await seconds(releaseAll);
    console.log(
      `${index} the index: scheduled ${rate(scheduled)}, released ${rate(released)}${counted ? `, counted in ${Math.round(counted * 1000)} ms` : ''}`,
    );
    if (index === 'without') await database.query('ALTER TABLE scheduled ADD KEY scheduled_by_channel (channel_id)');
    await database.query('TRUNCATE ready');
  }
}
clearInterval(beats);
await database.query(`DROP DATABASE ${url.pathname.slice(1)}`);
await database.close();
