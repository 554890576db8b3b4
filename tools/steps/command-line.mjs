import { parseArgs } from 'node:util';
import { Problem } from './problem.mjs';

/** What `args` say of `options` (those of `parseArgs`); undefined after --help, which prints `help`. What is not known is a Problem that shows it too. */
export function readCommandLine(args, options, help) {
  const { help: asked, ...values } = parse(args, options, help);
  if (!asked) return values;
  console.log(help);
  return undefined;
}

function parse(args, options, help) {
  try {
    return parseArgs({ args, options: { ...options, help: { type: 'boolean', short: 'h', default: false } } }).values;
  } catch (error) {
    throw new Problem(`${error.message}\n\n${help}`);
  }
}

/** Options of these names, each with a value and without a default. */
export const textOptions = (names) => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
