import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { findServerBinary, type PrivateServer, startPrivateServer } from '../tools/steps/database.mjs';
import { Clock } from './support/clock.js';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { health, unready } from './support/metrics.js';
import { expectAllDelivered } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { Producers } from './support/producers.js';
import type { Sink } from './support/sink.js';
import { Wire } from './support/wire.js';

const AWAY_MS = 6_000;
const TIMEOUT_MS = 2_000;
/** For a machine that has other things to do. */
const SLACK_MS = 2_500;
const SETTINGS = { DELIVERY_TIMEOUT_MS: '2000', SETTLE_TIME_MS: '1000', DATABASE_POOL: '6', DATABASE_TIMEOUT_MS: String(TIMEOUT_MS) };

/** `npm test` sets these; without a server of its own a test must not take down the one that it was given. */
const { TEST_MYSQLD: binary, TEST_SERVERS_DIR: servers } = process.env;
const own = binary && servers ? it : it.skip;
const engine = binary
  ? `${findServerBinary()?.mariadb ? 'MariaDB' : 'MySQL'} ${findServerBinary()?.version}`
  : 'skipped: TEST_MYSQLD is empty';

let cluster: Cluster | undefined;
let wire: Wire | undefined;
let server: PrivateServer | undefined;
const dir = path.join(servers ?? '', `away-${randomBytes(4).toString('hex')}`);
afterEach(async () => {
  await wire?.close();
  await cluster?.stop();
  await server?.kill();
  if (server) rmSync(dir, { recursive: true, force: true });
  wire = cluster = server = undefined;
}, 60_000);

/** One of each process, and another dispatcher, at the end of a wire; two consumers. */
async function throughWire(env: Record<string, string> = {}): Promise<{ cluster: Cluster; wire: Wire; sinks: Sink[] }> {
  cluster = await Cluster.start({ dispatchers: 0, ingest: false }, { ...SETTINGS, ...env });
  wire = await Wire.open(cluster.test.url);
  const through = { DATABASE_URL: wire.url };
  await Promise.allSettled([
    cluster.startIngest(through),
    cluster.startDispatcher(through),
    cluster.startDispatcher(through),
    cluster.startScheduler(through),
  ]);
  expect(cluster.processes).toHaveLength(4);
  return { cluster, wire, sinks: await twoConsumers(cluster) };
}

async function twoConsumers(of: Cluster): Promise<Sink[]> {
  const sinks = [await of.sink(), await of.sink()];
  await of.channel('load');
  for (const [n, sink] of sinks.entries()) await of.consumer('load', `c${n}`, sink.url);
  return sinks;
}

const produce = (to: Cluster): Producers => new Producers({ url: to.url, channel: 'load', key: ADMIN_KEY });
const probes = (of: Cluster, probe: 'live' | 'ready'): Promise<number[]> => Promise.all(of.processes.map((one) => health(one, probe)));
/** All lines but those of attempts. */
const linesOf = (one: AppProcess): number => one.lines.filter(({ msg }) => msg !== 'delivery.attempted').length;

/** Every process is alive and not ready for `AWAY_MS`, and none of them fills its log. */
async function expectPatience(of: Cluster): Promise<void> {
  await eventually(async () => (await probes(of, 'ready')).every((status) => status === 503));
  for (const one of of.processes)
    expect(await unready(one)).toMatchObject({ database: expect.stringMatching(/no connection|timeout|answer/) as string });
  const before = of.processes.map(linesOf);
  const until = performance.now() + AWAY_MS;
  while (performance.now() < until) {
    expect(await probes(of, 'live')).toEqual(of.processes.map(() => 200));
    await meanwhile(250);
  }
  for (const [n, one] of of.processes.entries()) expect(linesOf(one) - before[n]!).toBeLessThan((3 * AWAY_MS) / 1000);
}

async function expectRecovery(of: Cluster, producers: Producers, sinks: readonly Sink[]): Promise<void> {
  await producers.reached(producers.ids.length + 200);
  await eventually(async () => (await probes(of, 'ready')).every((status) => status === 200));
  await producers.stop();
  expect(producers.unanswered).toBe(0);
  expect(producers.refusals.length).toBeGreaterThan(0);
  expect(new Set(producers.refusals.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 database-unavailable']));
  expect(producers.refusals.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
  await expectAllDelivered(of, 'load', producers.ids, sinks);
  expect(of.processes.map((one) => one.exited)).toEqual(of.processes.map(() => false));
  expect(await probes(of, 'live')).toEqual(of.processes.map(() => 200));
}

describe('a database that is away costs nothing that was acknowledged, and all goes on by itself, when it', () => {
  it('refuses connections', async () => {
    const away = await throughWire();
    const producers = produce(away.cluster);
    await producers.reached(200);
    await away.wire.refuse();
    await expectPatience(away.cluster);
    expect(Math.max(...producers.refusals.map(({ tookMs }) => tookMs))).toBeLessThan(SLACK_MS);
    await away.wire.restore();
    await expectRecovery(away.cluster, producers, away.sinks);
  }, 90_000);

  it('takes connections and says nothing: publishing is answered in bounded time', async () => {
    const away = await throughWire();
    const producers = produce(away.cluster);
    await producers.reached(200);
    away.wire.hang();
    await expectPatience(away.cluster);
    // A statement that is never answered, and after it a login.
    expect(Math.max(...producers.refusals.map(({ tookMs }) => tookMs))).toBeLessThan(2 * TIMEOUT_MS + SLACK_MS);
    await away.wire.restore();
    await expectRecovery(away.cluster, producers, away.sinks);
  }, 90_000);

  it('resets connections: it is asked for few while it is away, few when it is back, and nothing storms afterwards', async () => {
    const away = await throughWire();
    const producers = produce(away.cluster);
    await producers.reached(200);
    away.wire.cut();
    const beforehand = away.wire.connections;
    await expectPatience(away.cluster);
    // Each process has two sets of connections that it uses all the time, and each set tries again after 25 ms to 1 s.
    expect(away.wire.connections - beforehand).toBeLessThan(8 * (5 + (2 * (AWAY_MS + SLACK_MS)) / 1000));
    const meanwhileTried = away.wire.connections;
    await away.wire.restore();
    await expectRecovery(away.cluster, producers, away.sinks);
    expect(away.wire.connections - meanwhileTried).toBeLessThanOrEqual(away.cluster.processes.length * Number(SETTINGS.DATABASE_POOL) + 8);
    const idleFrom = away.wire.requests;
    await meanwhile(3_000);
    expect(away.wire.requests - idleFrom).toBeLessThan(3 * 100);
  }, 90_000);

  it('stays away for longer than process numbers and ids are reserved', async () => {
    const clock = Clock.create();
    try {
      const away = await throughWire(clock.env);
      const producers = produce(away.cluster);
      await producers.reached(100);
      await away.wire.refuse();
      await expectPatience(away.cluster);
      clock.advance(120_000);
      await meanwhile(500);
      await cluster!.database.query(
        `UPDATE node SET heartbeat_at = heartbeat_at - INTERVAL 2 MINUTE, horizon_ms = horizon_ms - 120000 WHERE token IS NOT NULL`,
      );
      await away.wire.restore();
      await expectRecovery(away.cluster, producers, away.sinks);
    } finally {
      clock.remove();
    }
  }, 90_000);
});

own(
  `a database that is killed under load and comes back costs nothing that was acknowledged (${engine})`,
  async () => {
    server = await startPrivateServer({ dir });
    cluster = await Cluster.start({ dispatchers: 2, schedulers: 1 }, SETTINGS, server.url);
    const sinks = await twoConsumers(cluster);
    const producers = produce(cluster);
    await producers.reached(200);
    expect(await probes(cluster, 'ready')).toEqual([200, 200, 200, 200]);
    await server.kill();
    await expectPatience(cluster);
    server = await startPrivateServer({ dir, port: server.port });
    await expectRecovery(cluster, producers, sinks);
  },
  120_000,
);

describe('processes that are told to stop while the database is away exit with 0 in time, when it', () => {
  it.each<[string, (of: Wire) => unknown]>([
    ['refuses connections', (of) => of.refuse()],
    ['says nothing', (of) => of.hang()],
  ])('%s', async (_way, goesAway) => {
    const away = await throughWire({ SHUTDOWN_TIMEOUT_MS: '15000' });
    await goesAway(away.wire);
    await eventually(async () => (await probes(away.cluster, 'ready')).every((status) => status === 503));
    expect(await Promise.all(away.cluster.processes.map((one) => one.stop()))).toEqual([0, 0, 0, 0]);
  });
});
