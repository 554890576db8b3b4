import './steps/node-version.mjs';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { endStaleBrokers } from './bench/broker.mjs';
import { medians } from './bench/figures.mjs';
import { readOptions, warmUpSeconds } from './bench/options.mjs';
import { provenance, tables } from './bench/report.mjs';
import { runScenario, scenarios } from './bench/scenario.mjs';
import { describeServer, dropLeftover } from './bench/server.mjs';
import { describeSystem } from './bench/system.mjs';
import { ensureBuilt } from './steps/build.mjs';
import { findDatabase } from './steps/database.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { tryLock } from './steps/locks.mjs';
import { makeStateDir } from './steps/paths.mjs';
import { Problem } from './steps/problem.mjs';
import { main, say } from './steps/progress.mjs';
import { alone } from './steps/setup.mjs';
import { listenForStop } from './steps/stopping.mjs';

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  const holder = tryLock('bench');
  if (holder !== undefined) throw new Problem(`A benchmark is already running from this folder (process ${holder}).`);
  let broker;
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => broker?.kill() });
  let server;
  try {
    await endStaleBrokers();
    await alone(async () => {
      await ensureDependencies({ signal });
      server = await findDatabase('bench-mysql', { signal });
      await ensureBuilt({ signal });
    }, signal);
    await dropLeftover(server.url);
    const results = await measureAll({ options, server, signal, onBroker: (current) => (broker = current) });
    return tell(results, options.json);
  } finally {
    await server?.stop();
  }
});

async function measureAll({ options, server, signal, onBroker }) {
  const { json: _, ...settings } = options;
  const results = {
    system: describeSystem(),
    database: await describeServer(server),
    settings: { ...settings, warmUpSeconds },
    scenarios: [],
  };
  const planned = scenarios(options).map((scenario) => ({ ...scenario, runs: [] }));
  for (let run = 1; run <= options.runs; run += 1) {
    for (const { runs, ...scenario } of planned) {
      const title = options.runs > 1 ? `${scenario.name} (${run} of ${options.runs})` : scenario.name;
      runs.push(await runScenario(scenario, { title, server, dispatchers: options.dispatchers, signal, onBroker }));
    }
  }
  results.scenarios = planned.map((scenario) => ({ ...scenario, median: medians(scenario.runs) }));
  return results;
}

/** Prints and writes the results; a message that was acknowledged and never arrived is a failure. */
function tell(results, json) {
  const file = path.resolve(json ?? path.join(makeStateDir('bench'), 'results.json'));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  say(['', provenance(results), '', tables(results), '', `Written to ${file}`].join('\n'));
  const runs = results.scenarios.flatMap((scenario) => scenario.runs);
  const total = (name) => runs.reduce((sum, run) => sum + run[name], 0);
  say(`${total('acknowledged')} messages acknowledged, ${total('missing')} deliveries missing, ${total('duplicates')} duplicates.`);
  return total('missing') > 0 ? 1 : 0;
}
