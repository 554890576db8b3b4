/**
 * The consumers, a process of its own: each answers as its URL says (behaviour.mjs) and notes which messages it answered with 200. Started with the tag
 * of the messages to look for. `count` tells how many came, in all and to each, `dump` which.
 */
import { createServer } from 'node:http';
import { nowMs } from '../bench/clock.mjs';
import { numberFinder } from '../bench/message.mjs';
import { answerOf, readBehaviour } from './behaviour.mjs';
import { NumberSet } from './number-set.mjs';

const [tag] = process.argv.slice(2);
const numberIn = numberFinder(tag);
const startedAt = nowMs();
/** By URL. */
const consumers = new Map();

function consumerOf(url) {
  let consumer = consumers.get(url);
  if (!consumer)
    consumers.set(url, (consumer = { behaviour: readBehaviour(url), requests: 0, refused: 0, duplicates: 0, seen: new NumberSet() }));
  return consumer;
}

const server = createServer((request, response) => {
  let text = '';
  let number;
  request.setEncoding('latin1');
  request.on('data', (chunk) => {
    if (number !== undefined) return;
    text += chunk;
    number = numberIn(text);
  });
  request.on('end', () => reply(consumerOf(request.url), number, response));
  request.on('error', () => {});
});

function reply(consumer, number, response) {
  consumer.requests += 1;
  const chance = { fate: Math.random(), patience: Math.random() };
  const { status, afterMs } = answerOf(consumer.behaviour, { count: consumer.requests, sinceMs: nowMs() - startedAt, ...chance });
  // Whoever asked gives up some time; we never answer.
  if (status === undefined) return;
  const answer = () => {
    if (response.destroyed) return;
    if (status !== 200) consumer.refused += 1;
    else if (number !== undefined && !consumer.seen.add(number)) consumer.duplicates += 1;
    response.sendDate = false;
    response.writeHead(status, { 'content-length': 0, ...(status === 503 && { 'retry-after': '1' }) }).end();
  };
  if (afterMs > 0) setTimeout(answer, afterMs);
  else answer();
}

server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => process.send({ type: 'listening', port: server.address().port }));

process.once('disconnect', () => process.exit(0));
process.on('message', ({ type }) => {
  const all = [...consumers.values()];
  const sizes = all.map(({ seen }) => seen.size);
  if (type === 'count') process.send({ type: 'count', delivered: sizes.reduce((sum, size) => sum + size, 0), each: sizes });
  if (type === 'dump') process.send({ type: 'dump', consumers: all.map(report) });
});

function report({ behaviour: { name }, requests, refused, duplicates, seen }) {
  return { name, requests, refused, duplicates, bits: seen.bits };
}
