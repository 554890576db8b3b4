// How long the lowest priority waits under a flood of the highest: POSTHORN=http://127.0.0.1:8080 KEY=… node tools/priority-wait.mjs [seconds] [requests a second]
// Needs a running Posthorn that lets this machine through (`npm start` does). Publishes three times as many messages of priority 9 as the consumer takes, and one of
// priority 0 every second; then the same in a channel without priorities.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { POSTHORN = 'http://127.0.0.1:8080', KEY } = process.env;
const [seconds, perSecond] = [Number(process.argv[2] ?? 40), Number(process.argv[3] ?? 100)];
const FLOOD = 3;
const IN_FLIGHT = 4;

async function ask(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...more };
  const request = { method, body, headers };
  const response = await fetch(`${POSTHORN}/v1/${path}`, request);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Takes `perSecond` requests a second at most, for each one takes its time. */
function consumer(arrived) {
  const server = createServer((request, response) => {
    arrived.set(request.headers['webhook-id'], { at: Date.now(), priority: Number(request.headers['posthorn-priority']) });
    request.resume();
    setTimeout(() => response.writeHead(204).end(), (IN_FLIGHT * 1000) / perSecond);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const of = (list, share) => (list[Math.floor(share * (list.length - 1))] ?? NaN).toFixed(1);

async function run(priorities) {
  const [name, arrived, published] = [`priority-wait-${Date.now()}`, new Map(), new Map()];
  const server = await consumer(arrived);
  const url = `http://127.0.0.1:${server.address().port}/`;
  await ask('PUT', `channels/${name}`, JSON.stringify({ priorities }));
  await ask('PUT', `channels/${name}/consumers/c`, JSON.stringify({ url, maxInFlight: IN_FLIGHT }));
  const publish = async (priority) => {
    const at = Date.now();
    const { id } = await ask('POST', `channels/${name}/messages`, '{}', { 'posthorn-priority': String(priority) });
    published.set(id, { at, priority });
  };
  const until = Date.now() + seconds * 1000;
  for (let tick = 0; Date.now() < until; tick++) {
    const began = Date.now();
    const batch = Array.from({ length: Math.round((FLOOD * perSecond) / 10) }, () => publish(9));
    if (tick % 10 === 0) batch.push(publish(0));
    await Promise.all(batch);
    await sleep(Math.max(0, 100 - (Date.now() - began)));
  }
  const waits = (priority) =>
    [...published]
      .filter(([id, one]) => one.priority === priority && (arrived.has(id) || priority === 0))
      .map(([id, { at }]) => ((arrived.get(id)?.at ?? Date.now()) - at) / 1000)
      .toSorted((a, b) => a - b);
  const [low, high] = [waits(0), waits(9)];
  const inTime = [...published].filter(([id, { priority }]) => priority === 0 && arrived.has(id)).length;
  console.log(
    `${priorities ? 'priorities' : 'first in, first claimed'}: ${published.size} published, ${arrived.size} delivered within ${seconds} s; ` +
      `priority 0: ${inTime} of ${low.length} delivered, wait median ${of(low, 0.5)} s, worst ${of(low, 1)} s; priority 9 (delivered): median ${of(high, 0.5)} s, worst ${of(high, 1)} s`,
  );
  await ask('POST', `channels/${name}/consumers/c/pause`, '{}');
  server.closeAllConnections();
  server.close();
}

await run(true);
await run(false);
