import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { Database } from '@app/storage';
import { findServerBinary, type PrivateServer, startPrivateServer } from '../tools/steps/database.mjs';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { health, unready } from './support/metrics.js';
import { expectAllDelivered } from './support/outcome.js';
import { Producers } from './support/producers.js';
import { Wire } from './support/wire.js';

const REFUSING_MS = 4_000;
const SETTINGS = { DELIVERY_TIMEOUT_MS: '5000', SETTLE_TIME_MS: '10000', DATABASE_POOL: '6' };

interface Problem {
  code: string;
  detail: string;
}

const { TEST_MYSQLD: binary, TEST_SERVERS_DIR: servers } = process.env;
/** What is set for a whole server is set on a server of its own. */
const own = binary && servers ? describe : describe.skip;
const engine = binary
  ? `${findServerBinary()?.mariadb ? 'MariaDB' : 'MySQL'} ${findServerBinary()?.version}`
  : 'skipped: TEST_MYSQLD is empty';

own(`a server that is (${engine})`, () => {
  const dir = path.join(servers ?? '', `read-only-${randomBytes(4).toString('hex')}`);
  let server: PrivateServer;
  let operator: Database;
  let cluster: Cluster;
  let wire: Wire;
  beforeAll(async () => {
    server = await startPrivateServer({ dir });
    operator = await Database.open({ url: `${server.url}/mysql`, poolSize: 2 });
    // Who may do everything may also write to a server that is read-only, and is not met by init_connect.
    await operator.query(`CREATE USER 'app'@'127.0.0.1' IDENTIFIED BY 'app'`);
    await operator.query(`GRANT ALL PRIVILEGES ON \`posthorn\\_test\\_%\`.* TO 'app'@'127.0.0.1'`);
  }, 60_000);
  afterAll(async () => {
    await operator.close();
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  beforeEach(async () => {
    cluster = await Cluster.start({ dispatchers: 0, ingest: false }, SETTINGS, server.url);
    const app = new URL(cluster.test.url);
    app.username = app.password = 'app';
    wire = await Wire.open(app.href);
    const through = { DATABASE_URL: wire.url };
    await Promise.allSettled([cluster.startIngest(through), cluster.startDispatcher(through), cluster.startScheduler(through)]);
    expect(cluster.processes).toHaveLength(3);
  });
  afterEach(async () => {
    await operator.query('SET GLOBAL read_only = 0');
    await operator.query(`SET GLOBAL init_connect = ''`);
    await wire.close();
    await cluster.stop();
  });
  const all = (probe: 'live' | 'ready', status: number): Promise<boolean> =>
    Promise.all(cluster.processes.map((one) => health(one, probe))).then((found) => found.every((one) => one === status));

  it('read-only refuses publishing with 503, is named by readiness, keeps claims safe, and is used again when it takes writes', async () => {
    await cluster.channel('c');
    const answers: (() => void)[] = [];
    const sink = await cluster.sink((_received, response) => void answers.push(() => response.end('ok')));
    await cluster.consumer('c', 'slow', sink.url);
    const id = await cluster.publish('c', 'x');
    await eventually(() => answers.length === 1);
    await operator.query('SET GLOBAL read_only = 1');

    const refused = await cluster.api<Problem>('POST', '/v1/channels/c/messages', 'y', { 'content-type': 'text/plain' });
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
      503,
      'database-unavailable',
      'The database takes no writes at the moment',
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await cluster.api<Problem>('PUT', '/v1/channels/d', {})).body.code).toBe('database-unavailable');
    expect((await cluster.delivery('c', id, 'slow')).status).toBe('in-flight');
    answers[0]!();
    await eventually(() => all('ready', 503));
    for (const one of cluster.processes) {
      expect(await unready(one)).toEqual({ writes: expect.stringMatching(/^the server refuses to write: .*read[-_]only/i) as string });
    }
    const before = wire.connections;
    await meanwhile(REFUSING_MS);
    expect(await all('live', 200)).toBe(true);
    expect(wire.connections - before).toBeLessThan(3 * Number(SETTINGS.DATABASE_POOL) * ((2 * REFUSING_MS) / 1000));

    await operator.query('SET GLOBAL read_only = 0');
    sink.answersStatus(200);
    const next = await eventually(() => cluster.publish('c', 'z'));
    await eventually(() => all('ready', 200));
    await expectAllDelivered(cluster, 'c', [id, next], [sink]);
    expect(sink.ids.toSorted()).toEqual([id, next].toSorted());
    expect(cluster.processes.map((one) => one.exited)).toEqual([false, false, false]);
  });

  it('not the primary any more is left for the one that is: connections are renewed, and nothing that was acknowledged is lost', async () => {
    const sink = await cluster.sink();
    await cluster.channel('load');
    await cluster.consumer('load', 'c', sink.url);
    const producers = new Producers({ url: cluster.url, channel: 'load', key: ADMIN_KEY });
    await producers.reached(100);
    // What connects now reaches a server that takes no writes, and keeps doing so when the name leads to another one.
    await operator.query(`SET GLOBAL init_connect = 'SET SESSION TRANSACTION READ ONLY'`);
    wire.cut();
    await wire.restore();
    await eventually(() => producers.refusals.length > 20);
    await eventually(() => all('ready', 503));
    await operator.query(`SET GLOBAL init_connect = ''`);
    await producers.reached(producers.ids.length + 100);
    await eventually(() => all('ready', 200));
    await producers.stop();
    expect(new Set(producers.refusals.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 database-unavailable']));
    await expectAllDelivered(cluster, 'load', producers.ids, [sink]);
    const stuck = await operator.query<unknown[]>(
      `SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'app' AND INFO LIKE '%READ ONLY%'`,
    );
    expect(stuck).toEqual([]);
  });
});

describe('a server that has no space left', () => {
  let cluster: Cluster;
  let proxy: DatabaseProxy;
  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 0, ingest: false }, SETTINGS);
    proxy = await DatabaseProxy.open(cluster.test.url);
    await cluster.startIngest({ DATABASE_URL: proxy.url });
    await cluster.channel('c');
    await cluster.publish('c', 'the first one');
  });
  afterAll(async () => {
    await proxy.close();
    await cluster.stop();
  });

  it.each([
    [1114, `The table 'message' is full`],
    [1021, 'Disk full (/tmp/#sql-temptable); waiting for someone to free some space... (errno: 28 "No space left on device")'],
    [1026, 'Error writing file (errno: 28 - No space left on device)'],
    [1030, `Got error 28 - 'No space left on device' from storage engine`],
    [3, `Error writing file '/var/lib/mysql/binlog.000002' (OS errno 28 - No space left on device)`],
  ])('and says %i refuses publishing with 503, is named by readiness, and is used again when it has', async (errno, message) => {
    const publish = () => cluster.api<Problem>('POST', '/v1/channels/c/messages', 'x', { 'content-type': 'text/plain' });
    const caught = proxy.catchStatement((sql) => sql.startsWith('INSERT INTO message'));
    const publishing = publish();
    (await caught).refuse(errno, message);
    const { status, body, headers } = await publishing;
    expect([status, body.code, body.detail]).toEqual([503, 'database-unavailable', 'The database takes no writes at the moment']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await unready(cluster.ingest)).toEqual({ writes: `the server refuses to write: ${message}` });
    expect((await publish()).status).toBe(201);
    await eventually(async () => (await health(cluster.ingest, 'ready')) === 200);
  });

  it('loses no connection over it', async () => {
    expect(cluster.ingest.lines.filter(({ msg }) => msg === 'loop.failed')).toEqual([]);
  });
});
