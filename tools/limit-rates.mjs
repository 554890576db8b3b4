// How exactly limits hold over several dispatchers: a rate, requests in flight, a resume at a rate, and a replay at a rate, each for a consumer of its own that
// always has more waiting.
//
//   POSTHORN=http://127.0.0.1:8080 KEY=… node tools/limit-rates.mjs [per second] [seconds]
//
// Needs a running Posthorn that lets this machine through (`npm start` does), with as many dispatchers as are wanted.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { POSTHORN = 'http://127.0.0.1:8080', KEY } = process.env;
const [perSecond, seconds] = [50, 60].map((standard, n) => Number(process.argv[2 + n] ?? standard));
const SETTLING_SECONDS = 10;
const ANSWER_MS = 200;
const BATCH = 500;
const channel = `limit-rates-${Date.now()}`;

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const request = { method, headers, body: JSON.stringify(body) };
  const response = await fetch(`${POSTHORN}/v1/${path}`, request);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

const seen = {};
const sink = createServer((request, response) => {
  const one = (seen[request.url.slice(1)] ??= { times: [], now: 0, most: 0 });
  if (one.replays && !request.headers['posthorn-replay']) {
    response.writeHead(204).end();
    return;
  }
  one.times.push(performance.now());
  one.most = Math.max(one.most, ++one.now);
  const answer = () => {
    one.now--;
    response.writeHead(204).end();
  };
  if (request.url === '/in-flight') setTimeout(answer, ANSWER_MS);
  else answer();
  request.resume();
});
await new Promise((resolve) => sink.listen(0, '127.0.0.1', resolve));
sink.keepAliveTimeout = 60_000;

const maxInFlight = Math.round((perSecond * ANSWER_MS) / 1000);
const settings = { rate: { rateLimit: { perSecond, burst: 5 } }, 'in-flight': { maxInFlight }, resume: {}, replay: {} };
seen.replay = { times: [], now: 0, most: 0, replays: true };
await ask('PUT', `channels/${channel}`, {});
const consumer = (name) => `channels/${channel}/consumers/${name}`;
for (const [name, own] of Object.entries(settings)) {
  await ask('PUT', consumer(name), { url: `http://127.0.0.1:${sink.address().port}/${name}`, ...own });
  if (name !== 'replay') await ask('POST', `${consumer(name)}/pause`, {});
}
// More than is sent until the end, so that all have something waiting.
const from = new Date().toISOString();
for (let left = Math.ceil(perSecond * (seconds + 2 * SETTLING_SECONDS) * 1.2); left > 0; left -= BATCH) {
  const batch = Array.from({ length: Math.min(BATCH, left) }, (_, n) => ({ payload: { n } }));
  await ask('POST', `channels/${channel}/messages/batch`, batch);
}
await sleep(SETTLING_SECONDS * 1000);
await ask('POST', `${consumer('rate')}/resume`, {});
await ask('POST', `${consumer('in-flight')}/resume`, {});
await ask('POST', `${consumer('resume')}/resume`, { ratePerSecond: perSecond });
await ask('POST', `${consumer('replay')}/replay`, { from, to: new Date().toISOString(), ratePerSecond: perSecond });
await sleep(SETTLING_SECONDS * 1000);
const began = performance.now();
await sleep(seconds * 1000);
const ended = performance.now();
for (const [name, { times, most }] of Object.entries(seen)) {
  const rate = (times.filter((at) => at >= began && at < ended).length / (ended - began)) * 1000;
  const most10 = Math.max(...times.map((at) => times.filter((other) => other >= at && other < at + 10_000).length)) / 10;
  console.log(
    `${name.padEnd(9)} ${rate.toFixed(1)}/s of ${perSecond}/s, in no 10 s more than ${most10.toFixed(1)}/s, at most ${most} at once${name === 'in-flight' ? ` of ${maxInFlight}` : ''}`,
  );
}
await ask('DELETE', `channels/${channel}?force=true`);
process.exit(0);
