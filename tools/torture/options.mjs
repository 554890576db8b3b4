import path from 'node:path';
import { randomInt } from 'node:crypto';
import { readCommandLine } from '../steps/command-line.mjs';
import { stateDir } from '../steps/paths.mjs';
import { Problem } from '../steps/problem.mjs';

/** The checker holds every message, delivery and arrival in memory. */
const mostMessages = 500_000;

const help = `npm run torture -- [options]

Breaks Posthorn on this machine while producers publish, and then checks that nothing that was acknowledged is lost. Processes are
killed, stopped and frozen; the database is killed and frozen; connections are cut before and after a COMMIT; consumers misbehave.

  --minutes N       how long to break things; fractions are allowed (5)
  --seed N          the same seed makes the same schedule of faults (a random one, which is printed)
  --rate N          messages a second (30)
  --ingests N       ingest API processes (2)
  --dispatchers N   dispatcher processes (2)
  --schedulers N    fail-safe scheduler processes (2)
  --consumers N     consumers of the largest channel; more than 100 are fanned out by the dispatchers (120)
  --server FILE     the mysqld or mariadbd to use, when there are several
  --dir DIR         where the database, logs and results are (.posthorn/torture); what is in it is deleted at the start
  --json FILE       where to write the results (results.json in DIR)
  --no-build        use dist/ as it is
  --help

The server is a private one of this run, deleted at the end unless something was wrong. With DATABASE_URL it is that one, in a database
posthorn_torture_…, and is neither killed nor frozen.
The exit status is 0 when the checker is satisfied, 1 when it is not.`;

const limits = {
  seed: [0, 2 ** 32 - 1],
  rate: [1, 200],
  ingests: [1, 8],
  dispatchers: [1, 8],
  schedulers: [1, 8],
  consumers: [101, 1000],
};
const minutesLimits = [0.1, 1440];

/** What the command line asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2), env = process.env) {
  const values = readCommandLine(args, known, help);
  if (!values) return undefined;
  const number = (name) => wholeNumber(name, values[name]);
  const dir = path.resolve(values.dir ?? path.join(stateDir, 'torture'));
  const options = {
    minutes: minutesFrom(values.minutes),
    seed: values.seed === undefined ? randomInt(limits.seed[1] + 1) : number('seed'),
    rate: number('rate'),
    ingests: number('ingests'),
    dispatchers: number('dispatchers'),
    schedulers: number('schedulers'),
    consumers: number('consumers'),
    server: values.server && path.resolve(values.server),
    dir,
    json: path.resolve(values.json ?? path.join(dir, 'results.json')),
    build: !values['no-build'],
  };
  const messages = options.minutes * 60 * options.rate;
  if (messages > mostMessages) {
    throw new Problem(
      `--minutes ${options.minutes} at --rate ${options.rate} would be ${Math.round(messages)} messages; the checker takes at most ${mostMessages}`,
    );
  }
  if (options.server && (env.DATABASE_URL || env.DATABASE_URL_FILE)) throw new Problem('--server and DATABASE_URL exclude each other');
  return options;
}

const option = (value) => ({ type: 'string', ...(value !== undefined && { default: value }) });

const known = {
  minutes: option('5'),
  seed: option(),
  rate: option('30'),
  ingests: option('2'),
  dispatchers: option('2'),
  schedulers: option('2'),
  consumers: option('120'),
  server: option(),
  dir: option(),
  json: option(),
  'no-build': { type: 'boolean', default: false },
};

function wholeNumber(name, text) {
  const [least, most] = limits[name];
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Problem(`--${name} must be a whole number, ${least} to ${most}`);
  return value;
}

function minutesFrom(text) {
  const [least, most] = minutesLimits;
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value < least || value > most) throw new Problem(`--minutes must be a number, ${least} to ${most}`);
  return value;
}
