import './steps/node-version.mjs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Broker } from './bench/broker.mjs';
import { demandAlone, onServer } from './bench/on-server.mjs';
import { readCommandLine } from './steps/command-line.mjs';
import { Interrupted, Problem } from './steps/problem.mjs';
import { main, say, step } from './steps/progress.mjs';
import { listenForStop } from './steps/stopping.mjs';

const help = `node tools/limit-rates.mjs [options]

How exactly limits hold over several dispatchers: a rate, requests in flight, a resume at a rate and a replay at a rate, each for a consumer of its own that always
has more waiting.

  --rate N          requests a second that each of them is to come to (50)
  --seconds N       how long is counted (60)
  --dispatchers N   (3)

A database is made on the server that npm start would use (DATABASE_URL, else a private one), and dropped.`;

const settlingMs = 10_000;
const answerMs = 200;
const windowMs = 10_000;
const batchSize = 500;
const channel = 'limits';

const text = (value) => ({ type: 'string', default: value });
const consumer = (name) => `/v1/channels/${channel}/consumers/${name}`;

/** What the command line asks for; undefined after --help. */
function readOptions() {
  const known = { rate: text('50'), seconds: text('60'), dispatchers: text('3') };
  const values = readCommandLine(process.argv.slice(2), known, help);
  if (!values) return undefined;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!Number.isInteger(Number(value)) || Number(value) < 1) throw new Problem(`--${name} must be a whole number above 0`);
      return [name, Number(value)];
    }),
  );
}

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  demandAlone();
  const signal = listenForStop({ onStop: () => say('Stopping …') });
  const broker = new Broker(signal);
  return onServer({ signal }, async (server) => {
    try {
      await step('Starting the processes', () => broker.start({ serverUrl: server.url, dispatchers: options.dispatchers }));
      await measure(broker, { ...options, signal });
      return 0;
    } finally {
      await broker.stop();
    }
  });
});

async function measure(broker, { rate, seconds, signal }) {
  const pause = (ms) =>
    sleep(ms, undefined, { signal }).catch(() => {
      throw new Interrupted();
    });
  const maxInFlight = Math.max(1, Math.round((rate * answerMs) / 1000));
  const settings = { rate: { rateLimit: { perSecond: rate, burst: 5 } }, 'in-flight': { maxInFlight }, resume: {}, replay: {} };
  const heard = Object.fromEntries(Object.keys(settings).map((name) => [name, { times: [], now: 0, most: 0 }]));
  const sink = await listen(heard);
  try {
    const url = `http://127.0.0.1:${sink.address().port}`;
    const consumers = Object.entries(settings).map(([name, own]) => ({ name, url: `${url}/${name}`, ...own }));
    await broker.register([{ name: channel, consumers }]);
    const live = Object.keys(settings).filter((name) => name !== 'replay');
    for (const name of live) await broker.send('POST', `${consumer(name)}/pause`, {});
    const from = new Date().toISOString();
    // More than is sent until the end, so that all have something waiting.
    await step('Publishing', () => publish(broker, Math.ceil(rate * (seconds + (2 * settlingMs) / 1000) * 1.2)));
    await pause(settlingMs);
    for (const name of live) await broker.send('POST', `${consumer(name)}/resume`, name === 'resume' ? { ratePerSecond: rate } : {});
    await broker.send('POST', `${consumer('replay')}/replay`, { from, to: new Date().toISOString(), ratePerSecond: rate });
    await pause(settlingMs);
    const began = performance.now();
    await step('Counting', () => pause(seconds * 1000));
    tell(heard, { began, ended: performance.now() });
  } finally {
    sink.closeAllConnections();
    sink.close();
  }
}

/** The consumers, each at its own path; of the one that gets replays, nothing else counts. */
function listen(heard) {
  const server = createServer((request, response) => {
    const name = request.url.slice(1);
    request.resume();
    const answer = () => response.writeHead(204).end();
    if (name === 'replay' && !request.headers['posthorn-replay']) return answer();
    const one = heard[name];
    one.times.push(performance.now());
    one.most = Math.max(one.most, ++one.now);
    response.on('close', () => one.now--);
    return name === 'in-flight' ? setTimeout(answer, answerMs) : answer();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function publish(broker, count) {
  for (let left = count; left > 0; left -= batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, left) }, () => ({ payload: {} }));
    await broker.send('POST', `/v1/channels/${channel}/messages/batch`, batch);
  }
}

function tell(heard, { began, ended }) {
  say('\n| limit | requests a second | most in any 10 s, a second | most at once |\n|---|---|---|---|');
  for (const [name, { times, most }] of Object.entries(heard)) {
    const counted = times.filter((at) => at >= began && at < ended).length;
    const inWindow = times.map((first) => times.filter((at) => at >= first && at < first + windowMs).length);
    const perSecond = [(counted * 1000) / (ended - began), (Math.max(...inWindow) * 1000) / windowMs].map((value) => value.toFixed(1));
    say(`| ${[name, ...perSecond, most].join(' | ')} |`);
  }
}
