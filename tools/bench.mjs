import './steps/node-version.mjs';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { besideBareLoop } from './bench/bare.mjs';
import { neighbours } from './bench/neighbours.mjs';
import { demandAlone, onServer } from './bench/on-server.mjs';
import { readOptions } from './bench/options.mjs';
import { report } from './bench/report.mjs';
import { describeServer } from './bench/server.mjs';
import { sweep } from './bench/sweep.mjs';
import { describeSystem } from './bench/system.mjs';
import { loadTarget } from './bench/target.mjs';
import { runsOf, verdict } from './bench/verdict.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { makeStateDir } from './steps/paths.mjs';
import { Problem } from './steps/problem.mjs';
import { main, say } from './steps/progress.mjs';
import { alone } from './steps/setup.mjs';
import { listenForStop } from './steps/stopping.mjs';

const scenarios = { sweep, neighbours, bare: besideBareLoop };

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  if (options.from) {
    console.log(report(readResults(options.from), options));
    return 0;
  }
  demandAlone();
  let broker;
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => broker?.kill() });
  const context = { signal, onBroker: (current) => (broker = current) };
  const results = options.mode === 'target' ? await targetResults(options, context) : await posthornResults(options, context);
  return tell(results, options);
});

async function posthornResults(options, context) {
  const { signal } = context;
  return onServer({ signal, build: options.build, countStatements: true }, async (server) => {
    const described = describe(options, await describeServer(server));
    return { ...described, ...(await scenarios[options.mode](options, { ...context, server })) };
  });
}

async function targetResults(options, context) {
  const { signal } = context;
  await alone(() => ensureDependencies({ signal }), signal);
  return { ...describe(options), ...(await loadTarget(options, context)) };
}

/** A header may be a secret; the results are for publishing. */
function describe(options, database) {
  const { json: _, markdown: __, from: ___, target, ...settings } = options;
  const shown = target && { ...target, headers: Object.keys(target.headers) };
  return { system: describeSystem(), database, settings: { ...settings, target: shown } };
}

function readResults(file) {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    if (results.cases ?? results.neighbours ?? results.comparisons) return results;
  } catch (error) {
    throw new Problem(`--from: cannot read ${file}: ${error.message}`);
  }
  throw new Problem(`--from: ${file} holds no results of npm run bench`);
}

/** Prints and writes the results; anything that was acknowledged and not delivered is a failure. */
function tell(results, { json, markdown }) {
  const file = path.resolve(json ?? path.join(makeStateDir('bench'), 'results.json'));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  const { failed, text } = verdict(runsOf(results));
  say(`\n${report(results, { markdown })}\n\nWritten to ${file}\n${text}`);
  return failed ? 1 : 0;
}
