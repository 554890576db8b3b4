// How long live messages of one channel take to arrive while thousands that were scheduled for the same second leave another one. Needs a running Posthorn that
// may call 127.0.0.1: POSTHORN=http://127.0.0.1:8080 KEY=… node tools/scheduled-burst.mjs [messages, 5000] [live messages a second, 20]
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { POSTHORN = 'http://127.0.0.1:8080', KEY } = process.env;
const [count, perSecond] = [Number(process.argv[2] ?? 5_000), Number(process.argv[3] ?? 20)];
const STEP = 500;
const QUIET_MS = 5_000;
const run = Date.now();

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(POSTHORN + path, request);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

/** A channel with one consumer; answers when each of its messages arrived. */
async function channelWithOne(name) {
  const arrivals = new Map();
  const server = createServer((request, response) => {
    arrivals.set(request.headers['webhook-id'], Date.now());
    request.resume().on('end', () => response.end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  await ask('PUT', `/v1/channels/${name}`, {});
  await ask('PUT', `/v1/channels/${name}/consumers/c`, { type: 'push', url: `http://127.0.0.1:${server.address().port}/` });
  return { name, arrivals, close: () => server.close() };
}

const crowd = await channelWithOne(`crowd-${run}`);
const live = await channelWithOne(`live-${run}`);
const dueAt = Math.ceil(Date.now() / 1000) * 1000 + QUIET_MS + count * 2;
for (let from = 0; from < count; from += STEP) {
  const items = Array.from({ length: Math.min(STEP, count - from) }, (_, n) => ({ payload: from + n, deliverAt: new Date(dueAt) }));
  await ask('POST', `/v1/channels/${crowd.name}/messages/batch`, items);
}
await sleep(Math.max(0, dueAt - QUIET_MS - Date.now()));

const sent = [];
const sending = [];
while (crowd.arrivals.size < count && Date.now() < dueAt + 120_000) {
  const at = Date.now();
  sending.push(ask('POST', `/v1/channels/${live.name}/messages`, 'live').then(({ id }) => sent.push({ id, at })));
  await sleep(1000 / perSecond);
}
await Promise.all(sending);
for (let n = 0; n < 200 && live.arrivals.size < sent.length; n++) await sleep(50);

const lastAt = Math.max(...crowd.arrivals.values());
const figures = (some) => {
  const ms = some.map(({ id, at }) => live.arrivals.get(id) - at).toSorted((a, b) => a - b);
  const at = (share) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))];
  return `${ms.length} messages, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${ms.at(-1)} ms`;
};
console.log(
  `scheduled: ${crowd.arrivals.size} of ${count} arrived, the first ${Math.min(...crowd.arrivals.values()) - dueAt} ms after their time, the last ${lastAt - dueAt} ms`,
);
console.log(`live before: ${figures(sent.filter(({ at }) => at < dueAt))}`);
console.log(`live meanwhile: ${figures(sent.filter(({ at }) => at >= dueAt && at <= lastAt))}`);
for (const { close } of [crowd, live]) close();
for (const { name } of [crowd, live]) await ask('DELETE', `/v1/channels/${name}?force=true`);
process.exit(0);
