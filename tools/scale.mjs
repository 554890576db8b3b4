import './steps/node-version.mjs';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { demandAlone, onServer } from './bench/on-server.mjs';
import { describeServer } from './bench/server.mjs';
import { describeSystem } from './bench/system.mjs';
import { estimateSeconds, planCases } from './scale/cases.mjs';
import { readOptions } from './scale/options.mjs';
import { failures, report } from './scale/report.mjs';
import { runCase } from './scale/run-case.mjs';
import { Side } from './scale/side.mjs';
import { makeStateDir } from './steps/paths.mjs';
import { main, say } from './steps/progress.mjs';
import { listenForStop } from './steps/stopping.mjs';

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  demandAlone();
  const sides = new Set();
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => sides.forEach((side) => side.kill()) });
  return onServer({ signal }, async (server) => tell(await measureAll({ options, server, signal, sides }), options));
});

async function measureAll({ options, server, signal, sides }) {
  const { small: smallOne, cases } = planCases(options);
  const minutes = Math.ceil([smallOne, ...cases].reduce((sum, one) => sum + estimateSeconds(one), 0) / 60);
  say(`${cases.map(({ name }) => name).join(' · ')}, each in turns with ${smallOne.name}: about ${minutes} minutes.`);
  const { json: _json, markdown: _markdown, ...settings } = options;
  const results = { system: describeSystem(), database: await describeServer(server), settings, small: { ...smallOne }, cases: [] };
  const recordings = makeStateDir('bench', 'recordings');
  const small = new Side(smallOne, { signal, recordings, rate: options.rate });
  sides.add(small);
  try {
    await small.start({ server, days: options.days });
    const before = small.memoryMiB;
    for (const one of cases) {
      let current;
      const onSide = (side) => {
        if (side) sides.add((current = side));
        else sides.delete(current);
      };
      results.cases.push(await runCase(one, { small, server, options, signal, onSide, recordings }));
    }
    results.small.memoryMiB = { before, after: small.memoryMiB };
  } finally {
    await small.stop();
    rmSync(recordings, { recursive: true, force: true });
  }
  return results;
}

/** Prints and writes the results; growth beyond what is allowed and a delivery that never arrived are failures. */
function tell(results, { json, markdown }) {
  write(json ?? path.join(makeStateDir('bench'), 'scale.json'), JSON.stringify(results, null, 2));
  if (markdown) write(markdown, report(results, { markdown: true }));
  say(`\n${report(results, { markdown: false })}\n`);
  const failed = failures(results);
  for (const sentence of failed) say(`✗ ${sentence}`);
  return failed.length > 0 ? 1 : 0;
}

function write(name, text) {
  const file = path.resolve(name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
  say(`Written to ${file}`);
}
