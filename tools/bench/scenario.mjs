import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../steps/problem.mjs';
import { say, step } from '../steps/progress.mjs';
import { Broker } from './broker.mjs';
import { nowMs } from './clock.mjs';
import { tally } from './figures.mjs';
import { Helper } from './helper.mjs';
import { warmUpSeconds } from './options.mjs';
import { between, Usage } from './usage.mjs';

/** More than these are never sent, however long the run. */
const mostMessages = 2_000_000;
/** A lease that ran out is claimed again after 30 s: what has not come a minute after the last arrival does not come. */
const silenceMs = 60_000;
const mostDrainMs = 600_000;

export function scenarios({ throughputSeconds, latencySeconds, connections, fanouts, payload, rate, only }) {
  const throughput = fanouts.map((fanout) => ({
    name: `throughput, fan-out ${fanout}`,
    kind: 'throughput',
    fanout,
    seconds: throughputSeconds,
    connections,
    payload,
  }));
  const latency = { name: `latency at ${rate} msg/s`, kind: 'latency', fanout: 1, seconds: latencySeconds, rate, payload };
  return [...(only === 'latency' ? [] : throughput), ...(only === 'throughput' ? [] : [latency])];
}

/** One scenario, once, from an empty database to a dropped one. */
export async function runScenario(scenario, { title, server, dispatchers, signal, onBroker }) {
  const broker = new Broker(signal);
  const helpers = [];
  onBroker(broker);
  try {
    const sink = new Helper('sink', signal);
    helpers.push(sink);
    const { port: sinkPort } = await sink.hear('listening');
    await step(`${title}: starting`, () => broker.start({ serverUrl: server.url, dispatchers }));
    const target = await broker.register({ sinkPort, fanout: scenario.fanout });
    const generator = new Helper('load', signal);
    helpers.push(generator);
    const usage = new Usage([
      ...broker.processes,
      ...(server.pid ? [{ name: 'database', pid: server.pid }] : []),
      { name: 'load generator', pid: generator.pid },
      { name: 'sink', pid: sink.pid },
    ]);
    try {
      return await measure(scenario, { title, broker, sink, generator, usage, target, signal });
    } finally {
      usage.stop();
    }
  } finally {
    await Promise.all(helpers.map((helper) => helper.stop()));
    await broker.stop();
    onBroker(undefined);
  }
}

async function measure(scenario, { title, broker, sink, generator, usage, target, signal }) {
  const samples = {};
  const load = await step(`${title}: ${warmUpSeconds} s of warm-up, ${scenario.seconds} s of load`, async (detail) => {
    generator.on('from', () => (samples.from = usage.sample()));
    generator.on('until', () => (samples.until = usage.sample()));
    generator.on('progress', ({ acknowledged }) => detail(`${acknowledged} messages acknowledged`));
    return generator.hear('done', { ...target, ...scenario, warmUpSeconds, mostMessages });
  });
  await drain({ title, sink, broker, signal, owed: (load.ids === '' ? 0 : load.ids.split(' ').length) * scenario.fanout });
  usage.sample();
  const peaksMiB = usage.peaks();
  const report = await sink.hear('dump', { type: 'dump' });
  broker.check();
  const complaints = broker.complaints();
  for (const line of complaints.slice(0, 5)) say(`  ${line}`);
  return {
    ...tally(load, report, scenario.fanout),
    errorsByReason: load.errors,
    complaints: complaints.length,
    cpuSeconds: between(samples.from, samples.until),
    peaksMiB,
  };
}

/** Waits until everything that was acknowledged has arrived, within bounds. */
async function drain({ title, sink, broker, signal, owed }) {
  const since = nowMs();
  await step(`${title}: draining`, async (detail) => {
    for (;;) {
      const { unique, lastAt } = await sink.hear('count', { type: 'count' });
      detail(`${owed - unique} deliveries to come`);
      const now = nowMs();
      if (unique >= owed || now - Math.max(lastAt, since) > silenceMs || now - since > mostDrainMs) return;
      if (signal.aborted) throw new Interrupted();
      broker.check();
      await sleep(100);
    }
  });
}
