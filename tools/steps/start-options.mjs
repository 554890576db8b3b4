import { parseArgs } from 'node:util';
import { Problem } from './problem.mjs';

const help = `npm start [-- options]

Runs everything on this machine: a database (DATABASE_URL, else a private one), the migrations and one process of each app, with an admin key and, for trying it
out, a consumer that prints what it gets. Ctrl-C stops it. What the apps read from the environment is in docs/configuration.md.

  --no-demo   without that consumer
  --help`;

/** What the command line of `npm start` asks for; undefined after --help. */
export function readOptions(args = process.argv.slice(2)) {
  const { 'no-demo': noDemo, help: asked } = parse(args);
  if (!asked) return { demo: !noDemo };
  console.log(help);
  return undefined;
}

function parse(args) {
  try {
    const options = { 'no-demo': { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } };
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new Problem(`${error.message}\n\n${help}`);
  }
}
