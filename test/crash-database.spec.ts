import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { type PrivateServer, startPrivateServer } from '../tools/steps/database.mjs';
import { Cluster } from './support/cluster.js';
import { type Caught, commitOf, DatabaseProxy, type Matches } from './support/database-proxy.js';
import { eventually } from './support/eventually.js';
import { expectAllDelivered, messagesOf } from './support/outcome.js';
import type { Sink } from './support/sink.js';

/** `npm test` sets these; without a server of its own a test must not take down the one that it was given. */
const { TEST_MYSQLD: binary, TEST_SERVERS_DIR: servers } = process.env;
const own = binary && servers ? describe : describe.skip;

/** Long enough for a database to be killed, started and found again within it. */
const SETTLE_TIME_MS = '20000';
const RETURNED_MS = 40_000;

let server: PrivateServer;
let cluster: Cluster;
let proxy: DatabaseProxy;
const dir = path.join(servers ?? '', `crash-database-${randomBytes(4).toString('hex')}`);

own(`a database that is killed${binary ? '' : ' (skipped: TEST_MYSQLD is empty)'}`, () => {
  beforeAll(async () => {
    server = await startPrivateServer({ dir });
    const leases = { DELIVERY_TIMEOUT_MS: '2000', SETTLE_TIME_MS, DATABASE_POOL: '6' };
    cluster = await Cluster.start({ dispatchers: 0, ingest: false }, leases, server.url);
    proxy = await DatabaseProxy.open(cluster.test.url);
  }, 120_000);
  afterEach(() => Promise.all(cluster.processes.map((one) => one.kill())));
  afterAll(async () => {
    await cluster.stop();
    await proxy.close();
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }, 120_000);

  const throughProxy = () => ({ DATABASE_URL: proxy.url });

  async function channelWithOne(name: string): Promise<Sink> {
    const sink = await cluster.sink();
    await cluster.channel(name);
    await cluster.consumer(name, 'c', sink.url);
    return sink;
  }

  /** SIGKILL, with a statement or its answer still on the way, and a start with the same data. */
  async function killAndStart(caught: Promise<Caught>): Promise<void> {
    await caught;
    await server.kill();
    server = await startPrivateServer({ dir, port: server.port });
    await eventually(() => cluster.database.query('SELECT 1'), RETURNED_MS);
  }

  const publish = (channel: string) =>
    cluster.api<{ id: string; code: string }>('POST', `/v1/channels/${channel}/messages`, 'body', { 'idempotency-key': 'k' });
  const accepting = commitOf('INSERT INTO message');

  it.each<[string, string, number, number, (matches: Matches) => Promise<Caught>]>([
    ['before a message is committed has not stored it', 'before', 0, 201, (matches) => proxy.catchStatement(matches)],
    ['after a message was committed has stored it, although nobody was told', 'after', 1, 200, (matches) => proxy.catchAnswer(matches)],
  ])(
    '%s; the repeat ends with one message',
    async (_what, channel, stored, status, catching) => {
      await cluster.startIngest(throughProxy());
      const sink = await channelWithOne(channel);
      const caught = catching(accepting);
      const refused = publish(channel);
      await killAndStart(caught);
      expect([(await refused).status, (await refused).body.code]).toEqual([503, 'database-unavailable']);
      expect(await messagesOf(cluster, channel)).toBe(stored);
      const repeat = await eventually(async () => {
        const answer = await publish(channel);
        return answer.status < 300 && answer;
      }, RETURNED_MS);
      expect(repeat.status).toBe(status);
      await cluster.startDispatcher();
      await expectAllDelivered(cluster, channel, [repeat.body.id], [sink]);
      expect(sink.ids).toHaveLength(1);
    },
    120_000,
  );

  it('after a consumer answered and before that was written, and is back within the lease: it is written then, and nothing is repeated', async () => {
    await cluster.startIngest();
    const sink = await channelWithOne('settle');
    await cluster.startDispatcher(throughProxy());
    const caught = proxy.catchStatement(commitOf('DELETE r FROM'));
    const id = await cluster.publish('settle', 'x');
    await killAndStart(caught);
    await expectAllDelivered(cluster, 'settle', [id], [sink], RETURNED_MS);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1']);
  }, 120_000);

  it('after that was written, although the dispatcher was not told: it finds it written, and nothing is repeated', async () => {
    await cluster.startIngest();
    const sink = await channelWithOne('settled');
    await cluster.startDispatcher(throughProxy());
    const caught = proxy.catchAnswer(commitOf('DELETE r FROM'));
    const id = await cluster.publish('settled', 'x');
    await killAndStart(caught);
    await expectAllDelivered(cluster, 'settled', [id], [sink], RETURNED_MS);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1']);
  }, 120_000);
});
