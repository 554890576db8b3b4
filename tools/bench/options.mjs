import { readCommandLine } from '../steps/command-line.mjs';
import { Problem } from '../steps/problem.mjs';
import { help } from './help.mjs';

const everywhere = ['sweep', 'neighbours', 'bare', 'target'];

/** Every option with a value: least and most for whole numbers, `list` when several may be measured, and the modes that know it. */
const known = {
  'fan-out': { limits: [1, 1000], list: ['sweep', 'bare'], modes: ['sweep', 'bare', 'target'] },
  payload: { limits: [64, 1_048_576], list: ['sweep', 'bare', 'target'], modes: everywhere },
  dispatchers: { limits: [1, 32], list: ['sweep'], modes: ['sweep', 'neighbours', 'bare'] },
  seconds: { limits: [1, 600], modes: everywhere },
  'warm-up': { limits: [0, 120], modes: everywhere },
  runs: { limits: [1, 50], modes: everywhere },
  connections: { limits: [1, 2000], modes: ['sweep', 'bare', 'target'] },
  rate: { limits: [1, 5000], modes: everywhere },
  deliveries: { limits: [100, 10_000_000], modes: ['sweep', 'bare', 'target'] },
  'drain-seconds': { limits: [1, 3600], modes: everywhere },
  healthy: { limits: [1, 1000], modes: ['neighbours'] },
  slow: { limits: [1, 100], modes: ['neighbours'] },
  backlog: { limits: [0, 5_000_000], modes: ['neighbours'] },
  'sink-port': { limits: [0, 65_535], modes: ['target'] },
  'sink-host': { modes: ['target'] },
  scenario: { words: ['sweep', 'neighbours', 'bare'], modes: ['sweep', 'neighbours', 'bare'] },
  only: { words: ['throughput', 'latency'], modes: ['sweep', 'bare', 'target'] },
  generator: { words: ['posthorn', 'autocannon'], modes: ['sweep', 'bare', 'target'] },
  'every-combination': { flag: true, modes: ['sweep'] },
  'no-build': { flag: true, modes: ['sweep', 'neighbours', 'bare'] },
  target: { modes: ['target'] },
  header: { repeated: true, modes: ['target'] },
  body: { modes: ['target'] },
  process: { repeated: true, modes: ['target'] },
  json: { modes: everywhere },
  from: { modes: everywhere },
  markdown: { flag: true, modes: everywhere },
};

const defaults = {
  sweep: { 'fan-out': [1, 5, 50], payload: [512, 65_536], dispatchers: [1, 2, 4], 'warm-up': 3, runs: 1 },
  neighbours: { payload: [512], dispatchers: [1], seconds: 20, 'warm-up': 10, runs: 3, rate: 20, healthy: 200, slow: 1, backlog: 200_000 },
  // What V8 knows of a process after seconds is not what it knows after a minute, and there is more to know of Posthorn than of the bare loop.
  bare: { 'fan-out': [1, 5], payload: [512], dispatchers: [1], 'warm-up': 25, runs: 5, deliveries: 1_000_000 },
  target: { 'fan-out': [1], payload: [512], 'warm-up': 3, runs: 1, 'sink-host': '127.0.0.1', 'sink-port': 9900, body: '{payload}' },
};
const shared = { connections: 64, deliveries: 200_000, 'drain-seconds': 180, generator: 'posthorn', header: [], process: [] };

/** What the command line asks for; undefined after --help. `mode` is `sweep`, `neighbours`, `bare` or `target`. A mistake is a Problem that names the option. */
export function readOptions(args = process.argv.slice(2)) {
  const given = parse(args);
  if (!given) return undefined;
  const mode = given.target === undefined ? word('scenario', given.scenario ?? 'sweep') : 'target';
  for (const name of Object.keys(given)) if (!known[name].modes.includes(mode)) throw new Problem(notHere(name, mode));
  const value = (name) => (given[name] === undefined ? (defaults[mode][name] ?? shared[name]) : read(name, given[name], mode));
  return {
    mode,
    fanOuts: value('fan-out'),
    payloads: value('payload'),
    dispatchers: value('dispatchers'),
    everyCombination: given['every-combination'] ?? false,
    only: value('only'),
    seconds: value('seconds'),
    warmUpSeconds: value('warm-up'),
    runs: value('runs'),
    connections: value('connections'),
    rate: value('rate'),
    deliveries: value('deliveries'),
    drainSeconds: value('drain-seconds'),
    generator: value('generator'),
    healthy: value('healthy'),
    slow: value('slow'),
    backlog: value('backlog'),
    build: !given['no-build'],
    target: mode === 'target' ? readTarget(given.target, value) : undefined,
    json: given.json,
    markdown: given.markdown ?? false,
    from: given.from,
  };
}

function parse(args) {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { flag, repeated }]) => [name, { type: flag ? 'boolean' : 'string', multiple: repeated ?? false }]),
  );
  return readCommandLine(args, options, help);
}

function notHere(name, mode) {
  const where = known[name].modes.map((one) => (one === 'target' ? '--target' : `--scenario ${one}`)).join(' or ');
  return `--${name} belongs to ${where}, not to ${mode === 'target' ? '--target' : `--scenario ${mode}`}`;
}

function read(name, text, mode) {
  const { limits, list, words } = known[name];
  if (words) return word(name, text);
  if (!limits) return text;
  if (!list && name !== 'payload') return wholeNumber(name, text, limits);
  const numbers = text.split(',').map((part) => wholeNumber(name, part.trim(), limits));
  if (numbers.length > 1 && !list.includes(mode)) throw new Problem(`--${name} must be one number here`);
  return [...new Set(numbers)];
}

function word(name, text) {
  const { words } = known[name];
  if (!words.includes(text)) throw new Problem(`--${name} must be ${words.join(' or ')}`);
  return text;
}

function wholeNumber(name, text, [least, most]) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Problem(`--${name} must be a whole number, ${least} to ${most}`);
  return value;
}

function readTarget(text, value) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!['http:', 'https:'].includes(url?.protocol)) throw new Problem('--target must be an http or https URL');
  const headers = Object.fromEntries(
    value('header').map((line) => {
      const [, name, content] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([\t\x20-\x7e]*)$/.exec(line) ?? [];
      if (!name) throw new Problem(`--header must look like 'Name: value'`);
      return [name, content];
    }),
  );
  const body = value('body');
  if (body.split('{payload}').length !== 2) throw new Problem('--body must have {payload} in it, once');
  const processes = value('process').map((pair) => {
    const [, name, pid] = /^([^=]+)=([1-9]\d*)$/.exec(pair) ?? [];
    if (!name) throw new Problem('--process must look like NAME=PID');
    return { name, pid: Number(pid) };
  });
  return { url: String(url), headers, body, processes, sinkHost: value('sink-host'), sinkPort: value('sink-port') };
}
