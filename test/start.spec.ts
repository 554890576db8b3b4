import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Database, migrate } from '@app/storage';
import { serverUrl } from './support/database.js';
import { eventually, meanwhile } from './support/eventually.js';
import { health, metric, unready } from './support/metrics.js';
import { type App, AppProcess } from './support/processes.js';
import { Wire } from './support/wire.js';

const APPS: App[] = ['ingest-api', 'dispatcher', 'failsafe-scheduler'];
const SETTINGS = { POSTHORN_SECRET_KEY: randomBytes(32).toString('base64'), DATABASE_POOL: '4' };
const PROMPT_MS = 3_000;

let started: AppProcess[] = [];
let wire: Wire | undefined;
let url: string;
beforeEach(() => {
  const fresh = new URL(serverUrl());
  fresh.pathname = `/posthorn_test_${randomBytes(6).toString('hex')}`;
  url = fresh.href;
});
afterEach(async () => {
  await Promise.all(started.map((one) => one.kill()));
  await wire?.close();
  await onServer((server) => server.query(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)}`));
  wire = undefined;
  started = [];
});

async function onServer<T>(work: (server: Database) => Promise<T>): Promise<T> {
  const any = new URL(serverUrl());
  any.pathname = '/information_schema';
  const server = await Database.open({ url: any.href, poolSize: 2 });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

/** All three, up to the point where they can be asked what they wait for. */
async function startAll(databaseUrl: string, env: Record<string, string> = {}): Promise<AppProcess[]> {
  started = APPS.map((app) => AppProcess.spawn(app, { ...SETTINGS, ...env, DATABASE_URL: databaseUrl }));
  await Promise.all(started.map((one) => one.listening()));
  return started;
}

const all = (values: Promise<unknown[]>, expected: unknown): Promise<void> =>
  values.then((found) => expect(found).toEqual(APPS.map(() => expected)));
const live = (): Promise<number[]> => Promise.all(started.map((one) => health(one, 'live')));
const ready = (): Promise<number[]> => Promise.all(started.map((one) => health(one, 'ready')));
const waits = (one: AppProcess): number => one.lines.filter(({ msg }) => msg === 'start.waits').length;

/** Alive, not ready, saying why, and quiet about it. */
async function expectWaiting(reason: RegExp): Promise<void> {
  await eventually(() => started.every((one) => waits(one) > 0));
  for (const one of started) await eventually(async () => reason.test((await unready(one))['start'] ?? ''));
  await meanwhile(2_000);
  await all(live(), 200);
  await all(ready(), 503);
  expect(started.map(waits).every((lines) => lines <= 2)).toBe(true);
  expect(await metric(started[0]!, 'process_start_time_seconds')).toBeGreaterThan(0);
}

async function expectStarted(): Promise<void> {
  await Promise.all(started.map((one) => one.ready()));
  await eventually(async () => (await ready()).every((status) => status === 200));
  expect(started.every((one) => one.lines.some(({ msg }) => msg === 'start.continues'))).toBe(true);
}

const ways: [string, (of: Wire) => unknown][] = [
  ['refuses connections', (of) => of.refuse()],
  ['says nothing', (of) => of.hang()],
];

describe.each(ways)('a process that starts while the database %s', (_way, goesAway) => {
  it('waits, alive and not ready, and goes on when it is there', async () => {
    await migrate(url);
    wire = await Wire.open(url);
    await goesAway(wire);
    const port = await freePort();
    await startAll(wire.url, { PORT: String(port) });
    await expectWaiting(/^waiting for the database: no connection to the database: .+/);
    expect(await connects(port)).toBe(false);
    await wire.restore();
    await expectStarted();
    expect(await connects(port)).toBe(true);
  });

  it('and is told to stop exits with 0 at once', async () => {
    wire = await Wire.open(url);
    await goesAway(wire);
    await startAll(wire.url);
    await eventually(() => started.every((one) => one.lines.some(({ msg }) => msg === 'ops.listening')));
    const toldAt = performance.now();
    expect(await Promise.all(started.map((one) => one.stop()))).toEqual([0, 0, 0]);
    expect(performance.now() - toldAt).toBeLessThan(PROMPT_MS);
    for (const one of started) expect(one.lines.at(-1)).toMatchObject({ msg: 'process.stopped' });
  });
});

describe('a process that starts before the migration waits for it, when', () => {
  it('the database does not exist yet', async () => {
    await startAll(url);
    await expectWaiting(/the database does not exist yet; run "npm run migrate"/);
    await migrate(url);
    await expectStarted();
  });

  it('its schema is behind', async () => {
    await onServer((server) => server.query(`CREATE DATABASE ${new URL(url).pathname.slice(1)}`));
    await startAll(url);
    await expectWaiting(/the schema is behind by .+; run "npm run migrate"/);
    await migrate(url);
    await expectStarted();
  });
});

describe('what waiting cannot heal ends a process with 1 and says what it is:', () => {
  const endAll = async (databaseUrl: string, problem: RegExp): Promise<void> => {
    started = APPS.map((app) => AppProcess.spawn(app, { ...SETTINGS, DATABASE_URL: databaseUrl }));
    expect(await Promise.all(started.map((one) => one.ended()))).toEqual([1, 1, 1]);
    for (const one of started) {
      const { err } = one.lines.find(({ msg }) => msg === 'process.not-started') as { err?: { message: string } };
      expect(err?.message).toMatch(problem);
    }
  };

  it('a wrong password, which is not repeated', async () => {
    const wrong = new URL(url);
    wrong.password = 'hunter2';
    await endAll(wrong.href, /no connection to the database: Access denied for user/);
    expect(started.map((one) => one.output).join()).not.toContain('hunter2');
  });

  it('a user who may not write', async () => {
    await migrate(url);
    const name = `reader_${randomBytes(4).toString('hex')}`;
    const { pathname } = new URL(url);
    await onServer(async (server) => {
      await server.query(`CREATE USER '${name}'@'127.0.0.1' IDENTIFIED BY 'secret'`);
      await server.query(`GRANT SELECT ON ${pathname.slice(1)}.* TO '${name}'@'127.0.0.1'`);
    });
    try {
      const reader = new URL(url);
      reader.username = name;
      reader.password = 'secret';
      await endAll(reader.href, /INSERT command denied to user .+self_test/);
    } finally {
      await onServer((server) => server.query(`DROP USER '${name}'@'127.0.0.1'`));
    }
  });
});

/** A port that nothing listens on at this moment. */
async function freePort(): Promise<number> {
  const holder = await Wire.open(serverUrl());
  const { port } = new URL(holder.url);
  await holder.close();
  return Number(port);
}

const connects = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
