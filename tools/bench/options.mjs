import { parseArgs } from 'node:util';
import { Problem } from '../steps/problem.mjs';

/** Warm-up before every measurement; its messages count for nothing but for the check that they arrived. */
export const warmUpSeconds = 3;
const throughputSeconds = 15;
const latencySeconds = 20;

const help = `npm run bench -- [options]

Measures Posthorn on this machine: load generator, sink, the three apps and the database together.

  --seconds N       how long to measure (throughput ${throughputSeconds}, latency ${latencySeconds}; after ${warmUpSeconds} s of warm-up)
  --connections N   the load generator's connections in the throughput scenarios (64)
  --fanout LIST     consumers of the channel, a throughput scenario for each number (1,5)
  --payload N       bytes of a message (512)
  --rate N          messages a second in the latency scenario (100)
  --dispatchers N   dispatcher processes (1)
  --runs N          repeat everything and report the medians (1)
  --only WHICH      throughput or latency
  --json FILE       where to write the results (.posthorn/bench/results.json)
  --help

A database named posthorn_bench_… is made on the server that npm start would use (DATABASE_URL, else a private one) and dropped at the end.`;

const limits = {
  seconds: [1, 600],
  connections: [1, 2000],
  fanout: [1, 100],
  payload: [16, 1_048_576],
  rate: [1, 5000],
  dispatchers: [1, 32],
  runs: [1, 50],
};

/** What the command line asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2)) {
  const values = parse(args);
  if (values.help) {
    console.log(help);
    return undefined;
  }
  if (values.only !== undefined && !['throughput', 'latency'].includes(values.only)) {
    throw new Problem('--only must be throughput or latency');
  }
  const number = (name) => (values[name] === undefined ? undefined : wholeNumber(name, values[name]));
  return {
    throughputSeconds: number('seconds') ?? throughputSeconds,
    latencySeconds: number('seconds') ?? latencySeconds,
    connections: number('connections'),
    fanouts: values.fanout.split(',').map((text) => wholeNumber('fanout', text.trim())),
    payload: number('payload'),
    rate: number('rate'),
    dispatchers: number('dispatchers'),
    runs: number('runs'),
    only: values.only,
    json: values.json,
  };
}

const option = (value) => ({ type: 'string', ...(value !== undefined && { default: value }) });

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        seconds: option(),
        connections: option('64'),
        fanout: option('1,5'),
        payload: option('512'),
        rate: option('100'),
        dispatchers: option('1'),
        runs: option('1'),
        only: option(),
        json: option(),
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new Problem(`${error.message}\n\n${help}`);
  }
}

function wholeNumber(name, text) {
  const [least, most] = limits[name];
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Problem(`--${name} must be a whole number, ${least} to ${most}`);
  return value;
}
