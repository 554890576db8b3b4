import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { type PrivateServer, startPrivateServer } from '../tools/steps/database.mjs';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { health } from './support/metrics.js';
import { expectAllDelivered } from './support/outcome.js';
import { Producers } from './support/producers.js';

const AWAY_MS = 5_000;

/** `npm test` sets these; without a server of its own a test must not take down the one that it was given. */
const { TEST_MYSQLD: binary, TEST_SERVERS_DIR: servers } = process.env;
const own = binary && servers ? it : it.skip;

let cluster: Cluster | undefined;
let server: PrivateServer | undefined;
const dir = path.join(servers ?? '', `away-${randomBytes(4).toString('hex')}`);
afterAll(async () => {
  await cluster?.stop();
  await server?.kill();
  if (server) rmSync(dir, { recursive: true, force: true });
}, 60_000);

own(
  `a database that is killed under load and comes back costs nothing that was acknowledged${binary ? '' : ' (skipped: TEST_MYSQLD is empty)'}`,
  async () => {
    server = await startPrivateServer({ dir });
    const leases = { DELIVERY_TIMEOUT_MS: '2000', SETTLE_TIME_MS: '1000', DATABASE_POOL: '6' };
    cluster = await Cluster.start({ dispatchers: 2, schedulers: 1 }, leases, server.url);
    const { processes } = cluster;
    const sinks = [await cluster.sink(), await cluster.sink()];
    await cluster.channel('load');
    for (const [n, sink] of sinks.entries()) await cluster.consumer('load', `c${n}`, sink.url);
    const producers = new Producers({ url: cluster.url, channel: 'load', key: ADMIN_KEY });
    await producers.reached(200);
    const probes = (probe: 'live' | 'ready') => Promise.all(processes.map((one) => health(one, probe)));
    expect(await probes('ready')).toEqual([200, 200, 200, 200]);

    await server.kill();
    await eventually(async () => (await probes('ready')).every((status) => status === 503));
    const until = performance.now() + AWAY_MS;
    while (performance.now() < until) {
      expect(await probes('live')).toEqual([200, 200, 200, 200]);
      await meanwhile(250);
    }
    expect(producers.refusals.length).toBeGreaterThan(0);
    const acknowledged = producers.ids.length;
    server = await startPrivateServer({ dir, port: server.port });

    await producers.reached(acknowledged + 200);
    await eventually(async () => (await probes('ready')).every((status) => status === 200));
    await producers.stop();
    expect(producers.unanswered).toBe(0);
    expect(new Set(producers.refusals.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 database-unavailable']));
    expect(producers.refusals.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
    await expectAllDelivered(cluster, 'load', producers.ids, sinks);
    expect(processes.map((one) => one.exited)).toEqual([false, false, false, false]);
    expect(await probes('live')).toEqual([200, 200, 200, 200]);
  },
  120_000,
);
