import { readCommandLine, textOptions } from '../steps/command-line.mjs';
import { Problem } from '../steps/problem.mjs';

const signals = { term: 'SIGTERM', kill: 'SIGKILL' };

const numbers = {
  minutes: [20, 1, 1440],
  rate: [undefined, 1, 5000],
  share: [50, 1, 100],
  sample: [5, 1, 60],
  dispatchers: [2, 1, 32],
  payload: [512, 64, 1_048_576],
  'restart-every': [120, 30, 3600],
};

const help = `npm run soak -- [options]

Runs Posthorn at half of what this machine can do, with consumers that fail, hang, answer slowly and go away at times, and says whether memory, handles,
connections, times and backlog stay flat, and whether everything that was acknowledged arrived. The exit status is 1 when something grows or is missing.

  --minutes N         how long (20), after measuring what the machine can do
  --rate N            messages a second, five deliveries each; then nothing is measured before
  --share N           per cent of what was measured (50)
  --restart LIST      how a dispatcher is ended and started again, in turns: term, kill
  --restart-every N   seconds between two restarts (120)
  --dispatchers N     dispatcher processes (2); the last one is restarted
  --payload N         bytes of a message (512)
  --sample N          seconds between two looks (5)
  --svg FILE          where to draw the series
  --markdown FILE     where to write the table
  --json FILE         where to write everything (.posthorn/bench/soak.json)
  --help

A database named posthorn_bench_… is made on the server that npm start would use (DATABASE_URL, else a private one) and dropped at the end.`;

/** What the command line asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2)) {
  const values = readCommandLine(args, textOptions([...Object.keys(numbers), 'restart', 'svg', 'markdown', 'json']), help);
  if (!values) return undefined;
  const number = (name) => (values[name] === undefined ? numbers[name][0] : wholeNumber(name, values[name]));
  const restarts = values.restart === undefined ? [] : values.restart.split(',').map((word) => signalOf(word.trim()));
  const dispatchers = number('dispatchers');
  if (restarts.length > 0 && dispatchers < 2)
    throw new Problem('--restart needs --dispatchers 2 or more: one that lives all the time is watched');
  return {
    minutes: number('minutes'),
    rate: number('rate'),
    share: number('share'),
    restarts,
    restartEverySeconds: number('restart-every'),
    dispatchers,
    payload: number('payload'),
    sampleSeconds: number('sample'),
    svg: values.svg,
    markdown: values.markdown,
    json: values.json,
  };
}

function wholeNumber(name, text) {
  const [, least, most] = numbers[name];
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Problem(`--${name} must be a whole number, ${least} to ${most}`);
  return value;
}

function signalOf(word) {
  if (!Object.hasOwn(signals, word)) throw new Problem(`--restart takes ${Object.keys(signals).join(', ')}`);
  return signals[word];
}
