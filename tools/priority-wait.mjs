import './steps/node-version.mjs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Broker } from './bench/broker.mjs';
import { percentile } from './bench/figures.mjs';
import { demandAlone, onServer } from './bench/on-server.mjs';
import { readCommandLine } from './steps/command-line.mjs';
import { Interrupted, Problem } from './steps/problem.mjs';
import { main, say, step } from './steps/progress.mjs';
import { listenForStop } from './steps/stopping.mjs';

const help = `node tools/priority-wait.mjs [options]

How long the lowest priority waits while a flood of the highest comes faster than the consumer takes it, through two dispatchers: with priorities; what that had
been, computed from it, first in, first out, and with the highest always first; and in a channel without priorities. A run ends when everything has arrived.

  --seconds N   how long is published (60)
  --rate N      deliveries a second that the consumer takes, about (50)
  --flood N     messages of priority 9 for each delivery that it takes (1.25)
  --low N       messages of priority 0 a second (1)

A database is made on the server that npm start would use (DATABASE_URL, else a private one), and dropped.`;

const inFlight = 4;
const tickMs = 100;
const drainMs = 300_000;

const text = (value) => ({ type: 'string', default: value });
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** What the command line asks for; undefined after --help. */
function readOptions() {
  const known = { seconds: text('60'), rate: text('50'), flood: text('1.25'), low: text('1') };
  const values = readCommandLine(process.argv.slice(2), known, help);
  if (!values) return undefined;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!(Number(value) > 0)) throw new Problem(`--${name} must be a number above 0`);
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
      await step('Starting two dispatchers', () => broker.start({ serverUrl: server.url, dispatchers: 2 }));
      const aged = await step('With priorities', () => run(broker, { ...options, signal, name: 'aged', priorities: true }));
      const plain = await step('Without', () => run(broker, { ...options, signal, name: 'plain', priorities: false }));
      tell({
        'with priorities': aged,
        '… computed: first in, first out': reordered(aged, () => 0),
        '… computed: the highest first, always': reordered(aged, ({ priority }) => (priority === 9 ? 0 : 1)),
        '`priorities: false`': plain,
      });
      return 0;
    } finally {
      await broker.stop();
    }
  });
});

/** Publishes for some seconds, waits for the last delivery, and answers `{priority, at, arrived}` (in ms) of each message. */
async function run(broker, { seconds: forSeconds, rate, flood, low, signal, name, priorities }) {
  const messages = new Map();
  const arrivals = new Map();
  const consumer = await listen((id) => arrivals.set(id, arrivals.get(id) ?? performance.now()), (inFlight * 1000) / rate);
  try {
    const url = `http://127.0.0.1:${consumer.address().port}/`;
    const target = await broker.register([{ name, priorities, consumers: [{ name: 'c', url, maxInFlight: inFlight }] }]);
    const began = performance.now();
    const publish = async (priority, count) => {
      const at = performance.now();
      for (const id of await publishAll(target, priority, count)) messages.set(id, { priority, at });
    };
    const sent = { 9: 0, 0: 0 };
    for (let past = 0; past < forSeconds * 1000; past = performance.now() - began) {
      if (signal.aborted) throw new Interrupted();
      const due = { 9: (past * flood * rate) / 1000, 0: (past * low) / 1000 };
      const publishing = [9, 0].map((priority) => {
        const count = Math.ceil(due[priority]) - sent[priority];
        sent[priority] += count;
        return publish(priority, count);
      });
      await Promise.all([...publishing, sleep(tickMs)]);
    }
    for (const until = performance.now() + drainMs; arrivals.size < messages.size; await sleep(tickMs)) {
      if (signal.aborted) throw new Interrupted();
      if (performance.now() > until)
        throw new Problem(`${messages.size - arrivals.size} messages did not arrive within ${drainMs / 1000} s`);
    }
  } finally {
    consumer.closeAllConnections();
    consumer.close();
  }
  return [...messages].map(([id, message]) => ({ ...message, arrived: arrivals.get(id) }));
}

/** A consumer that takes so many milliseconds for each delivery. */
function listen(onArrival, takesMs) {
  const server = createServer((request, response) => {
    onArrival(request.headers['webhook-id']);
    request.resume();
    setTimeout(() => response.writeHead(204).end(), takesMs);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function publishAll({ url, paths, headers }, priority, count) {
  if (count === 0) return [];
  const body = JSON.stringify(Array.from({ length: count }, () => ({ payload: {}, priority })));
  const request = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body };
  const response = await fetch(`${url}${paths[0]}/batch`, request);
  const answer = await response.json();
  if (!response.ok) throw new Problem(`publishing answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer.results.map(({ id }) => id);
}

/** The same messages, given out at the same moments, if each time the oldest of the first queue that is not empty had been taken. */
function reordered(messages, queueOf) {
  const coming = messages.toSorted((a, b) => a.at - b.at);
  const queues = [[], []];
  return messages
    .map(({ arrived }) => arrived)
    .toSorted((a, b) => a - b)
    .map((arrived) => {
      while (coming[0]?.at <= arrived) queues[queueOf(coming[0])].push(coming.shift());
      return { ...queues.find((queue) => queue.length > 0).shift(), arrived };
    });
}

function tell(runs) {
  say(
    '\n| | messages | taken a second | priority 0: median wait | worst | priority 9: median wait | worst |\n|---|---|---|---|---|---|---|',
  );
  for (const [name, messages] of Object.entries(runs)) {
    const first = Math.min(...messages.map(({ at }) => at));
    const last = Math.max(...messages.map(({ arrived }) => arrived));
    const waits = [0, 9].flatMap((wanted) => {
      const sorted = messages.flatMap(({ priority, at, arrived }) => (priority === wanted ? [arrived - at] : [])).toSorted((a, b) => a - b);
      return [seconds(percentile(sorted, 0.5)), seconds(sorted.at(-1))];
    });
    say(`| ${[name, messages.length, Math.round((messages.length * 1000) / (last - first)), ...waits].join(' | ')} |`);
  }
}
