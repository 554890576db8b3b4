import './steps/node-version.mjs';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { endStaleBrokers } from './bench/broker.mjs';
import { describeServer, dropLeftover } from './bench/server.mjs';
import { describeSystem } from './bench/system.mjs';
import { svg } from './soak/chart.mjs';
import { readOptions } from './soak/options.mjs';
import { deliveries, failures, table, title } from './soak/report.mjs';
import { Soak } from './soak/run.mjs';
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
  let soak;
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => soak?.kill() });
  let server;
  try {
    await endStaleBrokers();
    await alone(async () => {
      await ensureDependencies({ signal });
      server = await findDatabase('bench-mysql', { signal });
      await ensureBuilt({ signal });
    }, signal);
    await dropLeftover(server.url);
    const { svg: _svg, markdown: _markdown, json: _json, ...settings } = options;
    const about = { system: describeSystem(), database: await describeServer(server), settings };
    say(`About ${options.minutes + (options.rate === undefined ? 4 : 2)} minutes.`);
    soak = new Soak(options, signal);
    return tell({ ...about, ...(await soak.run(server)) }, options);
  } finally {
    await soak?.stop();
    await server?.stop();
  }
});

/** Prints and writes the results; what grows and what is missing are failures. */
function tell(results, { svg: picture, markdown, json }) {
  const heading = title(results);
  write(json ?? path.join(makeStateDir('bench'), 'soak.json'), JSON.stringify(results));
  if (markdown) write(markdown, [heading, table(results.series, { markdown: true }), deliveries(results)].join('\n\n'));
  if (picture) write(picture, svg(results.series, heading));
  say(['', heading, '', table(results.series, { markdown: false }), '', deliveries(results), ''].join('\n'));
  const failed = failures(results);
  for (const sentence of failed) say(`✗ ${sentence}`);
  if (failed.length === 0) say('✓ Everything stayed flat, and nothing is missing.');
  return failed.length > 0 ? 1 : 0;
}

function write(name, text) {
  const file = path.resolve(name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
  say(`Written to ${file}`);
}
