import './steps/node-version.mjs';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeServer } from './bench/server.mjs';
import { describeSystem } from './bench/system.mjs';
import { endNotedApps } from './steps/app.mjs';
import { ensureBuilt } from './steps/build.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { tryLock } from './steps/locks.mjs';
import { removePrivateServer, startPrivateServer } from './steps/private-server.mjs';
import { Problem } from './steps/problem.mjs';
import { main, say, step } from './steps/progress.mjs';
import { scratchDatabases } from './steps/scratch-databases.mjs';
import { secretFromEnv } from './steps/secrets.mjs';
import { findServerBinary, serverAt } from './steps/server-binary.mjs';
import { alone } from './steps/setup.mjs';
import { ensureDatabase, withDatabase } from './steps/sql.mjs';
import { listenForStop } from './steps/stopping.mjs';
import { TorturedDatabase } from './torture/database.mjs';
import { readOptions } from './torture/options.mjs';
import { countsTable, violationLines } from './torture/report.mjs';
import { Torture } from './torture/run.mjs';

const databases = scratchDatabases('torture');
const keptViolations = 1000;

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  const { dir } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const holder = tryLock('torture', dir);
  if (holder !== undefined) throw new Problem(`A torture is already running in ${dir} (process ${holder}).`);
  let torture;
  const signal = listenForStop({ onStop: () => say('Stopping …'), onAgain: () => torture?.kill() });
  const recordFile = path.join(dir, 'processes.json');
  await endNotedApps(recordFile, 'SIGKILL');
  await removePrivateServer(path.join(dir, 'database'));
  rmSync(path.join(dir, 'logs'), { recursive: true, force: true });
  await alone(async () => {
    await ensureDependencies({ signal });
    if (options.build) await ensureBuilt({ signal });
  }, signal);
  const database = await openDatabase(options, signal);
  let satisfied = false;
  try {
    say(`The seed is ${options.seed}.`);
    torture = new Torture({ options, database: database.tortured, breakable: database.own, signal, recordFile });
    const about = { system: describeSystem(), database: await describeServer(database.server) };
    const verdict = await torture.run();
    satisfied = verdict.violations.length === 0;
    await tell({ options, about, verdict, schedule: torture.schedule });
    if (!satisfied) say(`The logs${database.own ? ' and the database' : ''} are in ${dir}.`);
    return satisfied ? 0 : 1;
  } finally {
    await torture?.close();
    rmSync(recordFile, { force: true });
    await database.close({ keep: !satisfied && !signal.aborted });
  }
});

/** A private server for this run, or a database on the server of DATABASE_URL. */
async function openDatabase({ dir, server: file }, signal) {
  const given = secretFromEnv('DATABASE_URL');
  if (given) {
    if (new URL(given).searchParams.get('ssl') === 'true') {
      throw new Problem('DATABASE_URL asks for TLS, into which the proxies that cut connections cannot look; use it without ssl=true');
    }
    await databases.dropLeftover(given);
    const url = withDatabase(given, databases.newName());
    databases.note(url);
    await ensureDatabase(url);
    say('The database is that of DATABASE_URL: it is neither killed nor frozen.');
    return {
      own: false,
      server: { url: given, given: true },
      tortured: new TorturedDatabase({ url }),
      close: async ({ keep }) => (keep ? say(`${url} is kept until the next run.`) : databases.drop(url)),
    };
  }
  const binary = file ? serverAt(file) : findServerBinary();
  if (!binary) throw new Problem('There is no mysqld or mariadbd on this machine; name one with --server, or a server with DATABASE_URL.');
  const home = path.join(dir, 'database');
  const server = await step(`Starting ${binary.mariadb ? 'MariaDB' : 'MySQL'} ${binary.version} (${binary.file})`, () =>
    startPrivateServer({ dir: home, binary, signal }),
  );
  const url = withDatabase(server.url, 'posthorn');
  await ensureDatabase(url);
  const tortured = new TorturedDatabase({ url, server, dir: home, binary });
  return {
    own: true,
    server,
    tortured,
    close: async ({ keep }) => {
      if (keep) await tortured.stop();
      else await removePrivateServer(home);
    },
  };
}

/** Prints the verdict, and writes it with all that belongs to it. */
async function tell({ options, about, verdict, schedule }) {
  const { json, dir: _, build: __, ...settings } = options;
  const { violations } = verdict;
  const results = {
    ...about,
    settings,
    satisfied: violations.length === 0,
    ...verdict,
    violations: violations.slice(0, keptViolations),
    violationCount: violations.length,
    schedule,
  };
  mkdirSync(path.dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  say(['', countsTable(verdict), '', `Written to ${json}`].join('\n'));
  if (violations.length > 0) say(violationLines(violations).join('\n'));
  say(violations.length === 0 ? 'The checker is satisfied.' : `${violations.length} violations (--seed ${options.seed}).`);
}
