import './steps/node-version.mjs';
import { ensureBuilt } from './steps/build.mjs';
import { Children, endStaleApps } from './steps/children.mjs';
import { findDatabase } from './steps/database.mjs';
import { startDemo } from './steps/demo.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { tryLock } from './steps/locks.mjs';
import { apps, makeStateDir, migrateMain } from './steps/paths.mjs';
import { Interrupted, Problem } from './steps/problem.mjs';
import { run } from './steps/processes.mjs';
import { main, say, step } from './steps/progress.mjs';
import { appSettings, chooseAddresses, loosened } from './steps/settings.mjs';
import { alone } from './steps/setup.mjs';
import { databaseOf, ensureDatabase, withDatabase } from './steps/sql.mjs';
import { readOptions } from './steps/start-options.mjs';
import { listenForStop, stopped } from './steps/stopping.mjs';

await main(async () => {
  const options = readOptions();
  if (!options) return 0;
  const holder = tryLock('start');
  if (holder !== undefined) throw new Problem(`Posthorn is already running from this folder (process ${holder}).`);
  const children = new Children();
  const signal = listenForStop({
    onStop: () => say('Stopping …'),
    onAgain: () => {
      say('Stopping at once …');
      children.kill();
    },
  });
  const closers = [];
  try {
    await start(options, children, signal, closers);
    await stopped(signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    for (const close of closers.toReversed()) await close().catch((error) => say(`✗ While stopping: ${error.message}`));
  }
  say('Stopped.');
  return 0;
});

async function start(options, children, signal, closers) {
  await endStaleApps();
  const addresses = await chooseAddresses();
  const databaseUrl = await prepare(signal, closers);
  const settings = appSettings(databaseUrl, addresses);
  await step('Migrating the database', () =>
    run(process.execPath, ['--enable-source-maps', migrateMain], { env: settings, signal, title: 'The migration' }),
  );
  if (signal.aborted) throw new Interrupted();
  closers.push(() => children.stop());
  for (const app of apps) {
    children.start({ app, env: { ...settings, OPS_PORT: String(addresses.ops[app]) }, ready: `${addresses.opsUrl(app)}/health/ready` });
  }
  await step('Starting the three processes', () => children.ready(signal));
  const demo = options.demo && (await demonstrate(addresses.url, settings, closers));
  tell(addresses, settings, demo);
}

/** Dependencies, a database, a build; the same lock keeps `npm test` and `npm run build` from doing it at the same time. */
async function prepare(signal, closers) {
  return alone(async () => {
    await ensureDependencies({ signal });
    const server = await findDatabase('mysql', { signal });
    closers.push(watch(server));
    const url = databaseOf(server.url) ? server.url : withDatabase(server.url, 'posthorn');
    await ensureDatabase(url);
    await ensureBuilt({ signal });
    return url;
  }, signal);
}

/** Keeps a database of our own running; gives back how to stop it. */
function watch(server) {
  let current = server;
  let busy = false;
  const look = async () => {
    if (busy || !server.restart || current.alive()) return;
    busy = true;
    say('✗ The database ended unexpectedly; starting it again.');
    try {
      current = await server.restart();
    } catch (error) {
      say(`✗ ${error.message}`);
    }
    busy = false;
  };
  const timer = setInterval(() => void look(), 2000);
  return async () => {
    clearInterval(timer);
    await current.stop();
  };
}

/** The demonstration is a courtesy: without it Posthorn runs all the same. */
async function demonstrate(url, settings, closers) {
  try {
    const receiver = await startDemo({ url, adminKey: settings.POSTHORN_ADMIN_KEY, databaseUrl: settings.DATABASE_URL });
    closers.push(() => receiver.stop());
    return true;
  } catch (error) {
    say(`✗ The demo consumer could not be set up: ${error.message}`);
    return false;
  }
}

function tell({ url, opsUrl }, settings, demo) {
  const lines = [
    '',
    'Posthorn is running.',
    '',
    `  API         ${url}`,
    `  Explorer    ${url}/docs`,
    `  Admin key   ${settings.POSTHORN_ADMIN_KEY}`,
    ...apps.map((app, n) => `  ${n === 0 ? 'Operations' : '          '}  ${opsUrl(app)}/health/ready  ${opsUrl(app)}/metrics  (${app})`),
    `  Logs        ${makeStateDir('logs')}  (warnings and errors appear here too)`,
  ];
  if (loosened().length > 0) {
    lines.push('', '  For trying it out, consumers on this machine and http: URLs are allowed.');
    lines.push(`  Set ${loosened().join(' and ')} to change that; in production neither is allowed unless you say so.`);
  }
  if (demo) {
    lines.push('', 'Publish a message; the consumer `demo-receiver` prints it here:', '', curl(url, settings.POSTHORN_ADMIN_KEY));
  }
  say([...lines, '', 'Ctrl-C stops everything.', ''].join('\n'));
}

function curl(url, key) {
  return [
    `  curl -i ${url}/v1/channels/demo/messages \\`,
    `    -H 'Authorization: Bearer ${key}' \\`,
    "    -H 'Content-Type: application/json' \\",
    `    -d '{"hello":"world"}'`,
  ].join('\n');
}
