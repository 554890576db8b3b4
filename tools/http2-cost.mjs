// What a delivery costs a dispatcher over HTTP/1.1 and over HTTP/2, both with TLS: CPU, claim and settle included, and the time of a backlog.
//
//   POSTHORN=http://127.0.0.1:8080 METRICS=http://127.0.0.1:9091/metrics KEY=… node tools/http2-cost.mjs [messages] [rounds] [in flight]
//
// Needs a running Posthorn with one dispatcher that lets this machine through (`npm start` does). METRICS is the dispatcher's.
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

const { POSTHORN = 'http://127.0.0.1:8080', METRICS = 'http://127.0.0.1:9091/metrics', KEY } = process.env;
const [messages, rounds, maxInFlight] = [3000, 3, 64].map((standard, n) => Number(process.argv[2 + n] ?? standard));
const BATCH = 500;
const PAYLOAD = { text: 'x'.repeat(500) };

const pem = (name) => readFileSync(new URL(`../test/support/certificates/${name}`, import.meta.url), 'utf8');

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const request = { method, headers, body: JSON.stringify(body) };
  const response = await fetch(`${POSTHORN}/v1/${path}`, request);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

async function cpuSeconds() {
  const text = await (await fetch(METRICS)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)[1]);
}

/** A server of the protocol alone; counts the requests by what was spoken. */
function listen(protocol, heard) {
  const create = protocol === 'h2' ? createSecureServer : createServer;
  const server = create({ cert: pem('server.pem'), key: pem('server.key') }, (request, response) => {
    heard[request.httpVersion] = (heard[request.httpVersion] ?? 0) + 1;
    request.resume();
    request.on('end', () => response.writeHead(204).end());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function measure(protocol) {
  const heard = {};
  const server = await listen(protocol, heard);
  const channel = `http2-cost-${Date.now()}`;
  const consumer = `channels/${channel}/consumers/c`;
  await ask('PUT', `channels/${channel}`, {});
  await ask('PUT', consumer, { url: `https://127.0.0.1:${server.address().port}/`, tls: { ca: pem('ca.pem') }, maxInFlight });
  await ask('POST', `${consumer}/pause`, {});
  for (let left = messages; left > 0; left -= BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, left) }, () => ({ payload: PAYLOAD }));
    await ask('POST', `channels/${channel}/messages/batch`, batch);
  }
  await sleep(2000);
  const [cpuBefore, began] = [await cpuSeconds(), performance.now()];
  await ask('POST', `${consumer}/resume`, {});
  while (Object.values(heard).reduce((sum, count) => sum + count, 0) < messages) await sleep(20);
  const took = (performance.now() - began) / 1000;
  await sleep(500);
  const cpu = (await cpuSeconds()) - cpuBefore;
  server.close();
  console.log(
    `${protocol.padEnd(8)} ${JSON.stringify(heard)}: ${((cpu / messages) * 1e6).toFixed(0)} µs of CPU a delivery, ${Math.round(messages / took)}/s`,
  );
  return (cpu / messages) * 1e6;
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const costs = { 'http/1.1': [], h2: [] };
await measure('http/1.1'); // warms up
await measure('h2');
console.log('measured:');
for (let round = 0; round < rounds; round++) for (const protocol of Object.keys(costs)) costs[protocol].push(await measure(protocol));
console.log(
  Object.entries(costs)
    .map(([protocol, list]) => `${protocol}: median ${median(list).toFixed(0)} µs`)
    .join(', '),
);
process.exit(0);
