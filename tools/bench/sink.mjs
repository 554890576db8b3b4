/** The consumers, a process of its own: answers 200 at once to every delivery and notes when it came. Consumer n is POST /n. */
import { createServer } from 'node:http';
import { nowMs } from './clock.mjs';

/** For each consumer, the first arrival of each message. */
const arrivals = new Map();
let unique = 0;
let duplicates = 0;
let lastAt = 0;

const server = createServer((request, response) => {
  const at = nowMs();
  const id = request.headers['webhook-id'];
  let seen = arrivals.get(request.url);
  if (!seen) arrivals.set(request.url, (seen = new Map()));
  if (seen.has(id)) duplicates += 1;
  else {
    seen.set(id, at);
    unique += 1;
    lastAt = at;
  }
  request.resume();
  response.sendDate = false;
  response.writeHead(200, { 'content-length': 0 }).end();
});
server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => process.send({ type: 'listening', port: server.address().port }));

process.once('disconnect', () => process.exit(0));
process.on('message', ({ type }) => {
  if (type === 'count') process.send({ type: 'count', unique, lastAt });
  if (type === 'dump') {
    const consumers = [...arrivals].map(([consumer, seen]) => ({
      consumer,
      ids: [...seen.keys()].join(' '),
      times: Float64Array.from(seen.values()),
    }));
    process.send({ type: 'dump', consumers, duplicates });
  }
});
