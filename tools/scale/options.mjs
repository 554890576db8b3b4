import { readCommandLine, textOptions } from '../steps/command-line.mjs';
import { Problem } from '../steps/problem.mjs';

const kinds = ['rows', 'backlog', 'consumers', 'snapshot'];

const numbers = {
  days: [20, 1, 365],
  backlog: [4_000_000, 0, 50_000_000],
  consumers: [10_000, 0, 100_000],
  active: [1_000, 2, 100_000],
  snapshot: [120, 0, 3600],
  seconds: [60, 5, 600],
  rate: [50, 1, 2000],
};
const rowLimits = [1_000, 200_000_000];

const help = `npm run bench:scale -- [options]

Shows whether the cost of a message grows with what is in the database: the same traffic in a small case, then with more rows, a deep backlog,
many consumers, and a snapshot that is held open. The exit status is 1 when claiming (p99) takes more than --most times what it does in the small case.

  --rows LIST       finished deliveries in the tables; the smallest is the small case (1000,1000000,20000000)
  --days N          days over which they are spread (20)
  --backlog N       deliveries that wait in one lane; 0 leaves the case out (4000000)
  --consumers N     registered consumers; 0 leaves the case out (10000)
  --active N        of which get messages (1000)
  --snapshot N      seconds for which a snapshot is held open; 0 leaves the case out (120)
  --seconds N       how long each case is measured (60)
  --rate N          messages a second, each for two consumers (50)
  --only LIST       of rows, backlog, consumers, snapshot; the small case always runs
  --most N          how many times the small case's claim p99 is allowed (1.5)
  --markdown FILE   where to write the tables
  --json FILE       where to write the results (.posthorn/bench/scale.json)
  --help

A database named posthorn_bench_… is made on the server that npm start would use (DATABASE_URL, else a private one) for each case and dropped after
it. With the default sizes it needs about 8 GB of disk.`;

/** What the command line asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2)) {
  const values = readCommandLine(args, textOptions(['rows', ...Object.keys(numbers), 'only', 'most', 'markdown', 'json']), help);
  if (!values) return undefined;
  const number = (name) => (values[name] === undefined ? numbers[name][0] : wholeNumber(name, values[name], numbers[name].slice(1)));
  const options = {
    rows: (values.rows ?? '1000,1000000,20000000').split(',').map((text) => wholeNumber('rows', text.trim(), rowLimits)),
    days: number('days'),
    backlog: number('backlog'),
    consumers: number('consumers'),
    active: number('active'),
    snapshotSeconds: number('snapshot'),
    seconds: number('seconds'),
    rate: number('rate'),
    only: values.only === undefined ? [] : values.only.split(',').map((text) => kind(text.trim())),
    most: ratio(values.most ?? '1.5'),
    markdown: values.markdown,
    json: values.json,
  };
  if (options.consumers > 0 && options.active > options.consumers) throw new Problem('--active must not be more than --consumers');
  return options;
}

function wholeNumber(name, text, [least, most]) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Problem(`--${name} must be a whole number, ${least} to ${most}`);
  return value;
}

function kind(text) {
  if (!kinds.includes(text)) throw new Problem(`--only takes ${kinds.join(', ')}`);
  return text;
}

function ratio(text) {
  const value = Number(text);
  if (!(value >= 1 && value <= 100)) throw new Problem('--most must be a number, 1 to 100');
  return value;
}
