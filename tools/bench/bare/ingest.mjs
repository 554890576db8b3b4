/**
 * The accepting half of the bare loop, a process of its own: stores what comes in, with a delivery for each of a fixed number of consumers, and answers when it
 * is committed. No keys, limits, checks, idempotency, filters or metrics. Started with a database URL and the number of consumers.
 */
import Fastify from 'fastify';
import { open } from './schema.mjs';

const [databaseUrl, consumerCount] = process.argv.slice(2);
const consumers = Array.from({ length: Number(consumerCount) }, (_, index) => index + 1);
const mostInBatch = 256;
const bodyLimit = 8 * 1024 * 1024;
/** One commits while the other is filled. */
const free = [await open(databaseUrl), await open(databaseUrl)];
const queue = [];

const newIds = (() => {
  let last = BigInt(Date.now()) << 20n;
  return () => {
    const now = BigInt(Date.now()) << 20n;
    last = now > last ? now : last + 1n;
    return String(last);
  };
})();

/** Whatever queued while the last transaction was under way is the next one. */
function store() {
  while (free.length > 0 && queue.length > 0) {
    const connection = free.pop();
    const batch = queue.splice(0, mostInBatch);
    commit(connection, batch)
      .then(
        () => batch.forEach(({ resolve }) => resolve()),
        (error) => batch.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        free.push(connection);
        store();
      });
  }
}

async function commit(connection, batch) {
  const now = new Date();
  await connection.query('START TRANSACTION');
  await connection.query('INSERT INTO message (id, channel_id, created_at, content_type, payload) VALUES ?', [
    batch.map(({ id, contentType, payload }) => [id, 1, now, contentType, payload]),
  ]);
  await connection.query('INSERT INTO delivery (message_id, consumer_id, status, updated_at) VALUES ?', [
    batch.flatMap(({ id }) => consumers.map((consumer) => [id, consumer, 1, now])),
  ]);
  await connection.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', [
    consumers.flatMap((consumer) => batch.map(({ id }) => [consumer, 9, id, id])),
  ]);
  await connection.query('COMMIT');
}

const server = Fastify({ bodyLimit });
server.removeAllContentTypeParsers();
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
server.post('/messages', async (request, reply) => {
  const id = newIds();
  await new Promise((resolve, reject) => {
    queue.push({ id, contentType: request.headers['content-type'] ?? 'application/octet-stream', payload: request.body, resolve, reject });
    if (queue.length === 1) setImmediate(store);
  });
  reply.code(201);
  return { id };
});
await server.listen({ host: '127.0.0.1', port: 0 });
process.send({ type: 'listening', port: server.server.address().port });
process.once('disconnect', () => process.exit(0));
