import './steps/node-version.mjs';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ensureBuilt } from './steps/build.mjs';
import { findDatabase } from './steps/database.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { tryLock } from './steps/locks.mjs';
import { makeStateDir, root } from './steps/paths.mjs';
import { Problem } from './steps/problem.mjs';
import { removePrivateServer } from './steps/private-server.mjs';
import { main, say } from './steps/progress.mjs';
import { findServerBinary } from './steps/server-binary.mjs';
import { alone } from './steps/setup.mjs';
import { withDatabase } from './steps/sql.mjs';
import { listenForStop } from './steps/stopping.mjs';

const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const informs = ['--help', '-h', '--version', '-v', '--listTests', '--showConfig', '--clearCache'];

await main(async () => {
  const holder = tryLock('test');
  if (holder !== undefined) throw new Problem(`The tests are already running in this folder (process ${holder}).`);
  const signal = listenForStop();
  let database;
  try {
    await alone(async () => {
      await ensureDependencies({ signal });
      // Tests kill servers; none of them cuts the power.
      database = await findDatabase('test-mysql', { signal, survivesPowerLoss: false });
      await ensureBuilt({ signal });
    }, signal);
    return await runJest(database, process.argv.slice(2), signal);
  } finally {
    await endOwnServers();
    await database?.stop();
  }
});

async function runJest(database, args, signal) {
  const results = path.join(makeStateDir(), 'test-results.json');
  rmSync(results, { force: true });
  const counted = !args.some((arg) => informs.includes(arg));
  const env = {
    ...process.env,
    TEST_DATABASE_URL: withDatabase(database.url),
    TEST_MYSQLD: findServerBinary()?.file ?? '',
    TEST_SERVERS_DIR: makeStateDir('test-servers'),
    NODE_ENV: 'test',
  };
  const report = counted ? ['--json', `--outputFile=${results}`] : [];
  const code = await jestExit(
    ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, ...args, ...report],
    env,
    signal,
  );
  if (!counted) return code;
  return summarise(code, results);
}

function jestExit(args, env, signal) {
  // Its standard output would be the JSON report once more; people read its standard error.
  const child = spawn(process.execPath, args, {
    cwd: root,
    env,
    stdio: ['inherit', args.includes('--json') ? 'ignore' : 'inherit', 'inherit'],
  });
  signal.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Prints the counts on a line of their own, the last one. */
function summarise(code, file) {
  if (!existsSync(file)) {
    say('The test runner ended without a report.');
    say('0 passed, 1 failed');
    return code || 1;
  }
  const {
    numPassedTests: passed,
    numFailedTests,
    numRuntimeErrorTestSuites,
    numPendingTests,
    numTodoTests,
  } = JSON.parse(readFileSync(file, 'utf8'));
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  const skipped = numPendingTests + numTodoTests;
  if (passed + failed === 0) say('No test ran.');
  else if (code !== 0 && failed === 0) say(`The test runner ended with exit status ${code}.`);
  say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return code || (passed + failed === 0 || failed > 0 ? 1 : 0);
}

/** Servers that tests started for themselves and that a crashed test left behind; their data with them. */
async function endOwnServers() {
  const folder = makeStateDir('test-servers');
  for (const name of readdirSync(folder)) await removePrivateServer(path.join(folder, name));
}
