import { readCommandLine } from './command-line.mjs';

const help = `npm start [-- options]

Runs everything on this machine: a database (DATABASE_URL, else a private one), the migrations and one process of each app, with an admin key and, for trying it
out, a consumer that prints what it gets. Ctrl-C stops it. What the apps read from the environment is in docs/configuration.md.

  --no-demo   without that consumer
  --help`;

/** What the command line of `npm start` asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2)) {
  const values = readCommandLine(args, { 'no-demo': { type: 'boolean', default: false } }, help);
  return values && { demo: !values['no-demo'] };
}
