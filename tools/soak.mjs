import './steps/node-version.mjs';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { demandAlone, onServer } from './bench/on-server.mjs';
import { describeServer } from './bench/server.mjs';
import { describeSystem } from './bench/system.mjs';
import { svg } from './soak/chart.mjs';
import { readOptions } from './soak/options.mjs';
import { deliveries, failures, table, title } from './soak/report.mjs';
import { Soak } from './soak/run.mjs';
import { makeStateDir } from './steps/paths.mjs';
import { main, say } from './steps/progress.mjs';
import { listenForStop } from './steps/stopping.mjs';

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  demandAlone();
  let soak;
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => soak?.kill() });
  return onServer({ signal }, async (server) => {
    try {
      const { svg: _svg, markdown: _markdown, json: _json, ...settings } = options;
      const about = { system: describeSystem(), database: await describeServer(server), settings };
      say(`About ${options.minutes + (options.rate === undefined ? 4 : 2)} minutes.`);
      soak = new Soak(options, signal);
      return tell({ ...about, ...(await soak.run(server)) }, options);
    } finally {
      await soak?.stop();
    }
  });
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
