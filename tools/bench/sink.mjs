/**
 * The consumers, a process of its own: answers 200 to every delivery and notes when it came. A path is a consumer; `?after=10000` has it answer
 * after so many milliseconds. Started with the tag of the messages to look for, an address and a port.
 */
import { createServer } from 'node:http';
import { nowMs } from './clock.mjs';
import { numberFinder } from './message.mjs';

const [tag, host, port] = process.argv.slice(2);
const numberIn = numberFinder(tag);
/** For each path, the first arrival of each message, and how many came again. */
const consumers = new Map();
/** Requests that had no message of ours in them. */
let strangers = 0;
let lastAt = 0;

const server = createServer((request, response) => {
  let text = '';
  let number;
  request.setEncoding('latin1');
  request.on('data', (chunk) => {
    if (number !== undefined) return;
    text = text ? text + chunk : chunk;
    number = numberIn(text);
  });
  request.on('end', () => {
    const [path, after] = request.url.split('?after=');
    note(path, number);
    response.sendDate = false;
    const answer = () => response.writeHead(200, { 'content-length': 0 }).end();
    if (after) setTimeout(answer, Number(after));
    else answer();
  });
  request.on('error', () => {});
});

function note(path, number) {
  if (number === undefined) {
    strangers += 1;
    return;
  }
  let consumer = consumers.get(path);
  if (!consumer) consumers.set(path, (consumer = { seen: new Map(), duplicates: 0 }));
  if (consumer.seen.has(number)) consumer.duplicates += 1;
  else consumer.seen.set(number, (lastAt = nowMs()));
}

server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.once('error', (error) => process.send({ type: 'listening', problem: error.code ?? error.message }));
server.listen({ port: Number(port), host, backlog: 1024 }, () => process.send({ type: 'listening', port: server.address().port }));

process.once('disconnect', () => process.exit(0));
process.on('message', ({ type, prefix }) => {
  const wanted = [...consumers].filter(([path]) => path.startsWith(prefix));
  if (type === 'count') process.send({ type: 'count', unique: wanted.reduce((sum, [, { seen }]) => sum + seen.size, 0), lastAt });
  if (type === 'dump') process.send({ type: 'dump', consumers: wanted.map(report), strangers });
});

function report([path, { seen, duplicates }]) {
  return { path, duplicates, numbers: Uint32Array.from(seen.keys()), times: Float64Array.from(seen.values()) };
}
