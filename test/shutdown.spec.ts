import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { expectAllDelivered, failedAttemptsOf } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { Producers } from './support/producers.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { DATABASE_POOL: '6' });
});
afterAll(() => cluster.stop());
afterEach(() => Promise.all(cluster.processes.filter((one) => one !== cluster.ingest).map((one) => one.kill())));

const numberOf = (dispatcher: AppProcess): number => Number(dispatcher.field('dispatcher.joined', 'node'));
/** Rows that a process holds under a lease; a token carries the number of the process that minted it. */
async function leasesOf(number: number): Promise<number> {
  const [row] = await cluster.database.query<{ n: string }[]>(
    'SELECT COUNT(*) AS n FROM ready WHERE lease_token <> 0 AND (lease_token >> 12) & 1023 = ?',
    [number],
  );
  return Number(row!.n);
}
async function registered(number: number): Promise<boolean> {
  const rows = await cluster.database.query<unknown[]>('SELECT 1 FROM node WHERE number = ? AND token IS NOT NULL', [number]);
  return rows.length > 0;
}

it('a dispatcher that gets SIGTERM under load loses nothing, repeats nothing, leaves no lease behind and exits with 0', async () => {
  const sinks = await Promise.all([0, 1].map(() => cluster.sink((_received, response) => void setTimeout(() => response.end(), 30))));
  await cluster.channel('load');
  for (const [n, sink] of sinks.entries()) await cluster.consumer('load', `c${n}`, sink.url);
  const [first] = await Promise.all([cluster.startDispatcher(), cluster.startDispatcher()]);
  const producers = new Producers({ url: cluster.url, channel: 'load', key: ADMIN_KEY });
  await producers.reached(150);
  await eventually(async () => (await leasesOf(numberOf(first))) > 0);
  expect(await first.stop()).toBe(0);
  expect(await leasesOf(numberOf(first))).toBe(0);
  expect(await registered(numberOf(first))).toBe(false);
  const reached = producers.ids.length;
  await producers.reached(reached + 100);
  await producers.stop();
  await expectAllDelivered(cluster, 'load', producers.ids, sinks);
  for (const sink of sinks) expect(sink.ids).toHaveLength(producers.ids.length);
  expect(await failedAttemptsOf(cluster, 'load')).toBe(0);
  expect([producers.refusals, producers.unanswered]).toEqual([[], 0]);
});

it('a dispatcher whose consumers hang when it gets SIGTERM gives their deliveries back, and another one sends them at once', async () => {
  const sink = await cluster.sink(() => undefined);
  await cluster.channel('hanging');
  await cluster.consumer('hanging', 'c', sink.url);
  const first = await cluster.startDispatcher({ SHUTDOWN_TIMEOUT_MS: '6000' });
  const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.publish('hanging', `${n}`)));
  await eventually(() => sink.received.length === ids.length);
  expect(await first.stop()).toBe(0);
  expect(await leasesOf(numberOf(first))).toBe(0);
  const [one] = ids;
  expect(await cluster.delivery('hanging', one!, 'c')).toMatchObject({ status: 'queued', attempts: 0, attemptLog: [] });
  sink.answersStatus(200);
  await cluster.startDispatcher();
  await expectAllDelivered(cluster, 'hanging', ids, [sink], 5_000);
  expect(sink.received).toHaveLength(2 * ids.length);
  expect(await failedAttemptsOf(cluster, 'hanging')).toBe(0);
});

it('an ingest API that gets SIGTERM under load answers what it took, stores nothing else and exits with 0', async () => {
  const sink = await cluster.sink();
  await cluster.channel('ingest');
  await cluster.consumer('ingest', 'c', sink.url);
  await cluster.startDispatcher();
  const producers = new Producers({ url: cluster.url, channel: 'ingest', key: ADMIN_KEY, repeats: false });
  await producers.reached(200);
  expect(await cluster.ingest.stop()).toBe(0);
  await eventually(() => producers.unanswered > 0);
  await producers.stop();
  expect(producers.refusals.filter(({ status, code }) => status !== 503 || code !== 'shutting-down')).toEqual([]);
  await cluster.startIngest();
  await expectAllDelivered(cluster, 'ingest', producers.ids, [sink]);
  expect(sink.ids).toHaveLength(producers.ids.length);
});

it('a scheduler that gets SIGTERM resigns, gives its number back and exits with 0', async () => {
  const scheduler = await cluster.startScheduler();
  await eventually(async () => (await metric(scheduler, 'posthorn_leader')) === 1);
  await eventually(async () => (await metric(scheduler, 'posthorn_failsafe_runs_total')) > 0);
  expect(await scheduler.stop()).toBe(0);
  const held = await cluster.database.query<unknown[]>('SELECT 1 FROM leader WHERE expires_at > NOW(3)');
  expect(held).toEqual([]);
  expect(await cluster.database.query<unknown[]>(`SELECT 1 FROM node WHERE kind = 'scheduler'`)).toEqual([]);
});

it('a second scheduler, stopped while the first leads, does not disturb it', async () => {
  const [first, second] = [await cluster.startScheduler(), await cluster.startScheduler()];
  await eventually(async () => (await metric(first, 'posthorn_leader')) + (await metric(second, 'posthorn_leader')) === 1);
  const [leader, follower] = (await metric(first, 'posthorn_leader')) === 1 ? [first, second] : [second, first];
  const row = () => cluster.database.query<unknown[]>('SELECT node_id, epoch FROM leader WHERE expires_at > NOW(3)');
  const before = await row();
  expect(await follower.stop()).toBe(0);
  await meanwhile(300);
  expect(await row()).toEqual(before);
  expect(await metric(leader, 'posthorn_leader')).toBe(1);
});
