import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { deliveriesOf } from './support/outcome.js';
import type { Sink } from './support/sink.js';

interface Job {
  id: string;
  cause: string;
  state: string;
  done: number;
  ratePerSecond: number | null;
  settings: { from: string; to: string; reason: string };
}

/** Opens with the first failure, and tries what waits soon. */
const QUICK = { minimum: 1, errorRate: 0.01, openSeconds: 0.1, maxOpenSeconds: 0.2 };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ schedulers: 1 });
});
afterAll(() => cluster?.stop());

const path = (channel: string): string => `/v1/channels/${channel}/consumers/c`;
const jobsOf = async (channel: string): Promise<Job[]> => (await cluster.ok<{ items: Job[] }>('GET', `/v1/jobs?channel=${channel}`)).items;
const settled = async (channel: string, count: number): Promise<Job[]> =>
  eventually(async () => {
    const jobs = await jobsOf(channel);
    return jobs.length === count && jobs.every(({ state }) => state === 'done') && jobs;
  });
const dead = (channel: string, count: number) => eventually(async () => (await deliveriesOf(cluster, channel, 'dead')) === count);

async function consumerWith(channel: string, settings: Record<string, unknown>): Promise<Sink> {
  const sink = await cluster.sink();
  await cluster.channel(channel);
  await cluster.consumer(channel, 'c', sink.url, { retry: { delays: [] }, breaker: false, ...settings });
  return sink;
}

it('redrives what died while the consumer failed when it is well again, each delivery once', async () => {
  const sink = await consumerWith('well', { autoRedrive: { ratePerSecond: 500 }, breaker: QUICK });
  sink.answersStatus(500);
  const died = [await cluster.publish('well', '1'), await cluster.publish('well', 'poison')];
  await dead('well', 2);
  sink.answers(({ body }, response) => void response.writeHead(body.toString() === 'poison' ? 500 : 200).end());
  const next = await cluster.publish('well', '2');
  const [job] = await settled('well', 1);
  expect(job).toMatchObject({ cause: 'auto-redrive', done: 2, ratePerSecond: 500, settings: { reason: 'attempts-exhausted' } });
  await eventually(() => sink.ids.filter((id) => id === died[0]).length === 2 && sink.ids.includes(next));
  await dead('well', 1);

  // Its next failure and recovery take what died then, and leave alone what died twice.
  sink.answersStatus(500);
  await cluster.publish('well', '3');
  await dead('well', 2);
  sink.answersStatus(200);
  await cluster.publish('well', '4');
  expect((await settled('well', 2))[0]).toMatchObject({ done: 1 });
  await dead('well', 1);
  expect(sink.ids.filter((id) => id === died[1])).toHaveLength(2);
}, 90_000);

it('takes what died since a minute before the consumer began to fail, whatever became of leases, and nothing older', async () => {
  const sink = await consumerWith('since', { autoRedrive: true });
  sink.answersStatus(500);
  const [old, lately] = [await cluster.publish('since', 'old'), await cluster.publish('since', 'lately')];
  await dead('since', 2);
  await eventually(async () => (await cluster.ok<{ failingSince: string | null }>('GET', path('since'))).failingSince !== null);
  const died = 'UPDATE dead_letter SET died_at = NOW(3) - INTERVAL ? SECOND WHERE message_id = ?';
  await cluster.database.query(died, [7_200, old]);
  await cluster.database.query(died, [5, lately]);
  await cluster.database.query(
    `INSERT INTO attempt (message_id, consumer_id, number, started_at, duration_ms, error_class)
      SELECT message_id, consumer_id, 99, NOW(3), 0, 'lease-expired' FROM dead_letter WHERE message_id = ?`,
    [lately],
  );
  sink.answersStatus(200);
  await cluster.publish('since', 'next');
  expect((await settled('since', 1))[0]).toMatchObject({ done: 1 });
  await dead('since', 1);
  await eventually(() => sink.ids.filter((id) => id === lately).length === 2);
  expect(sink.ids.filter((id) => id === old)).toHaveLength(1);
});

it('a job that is under way takes what died in the next failure as well, when that has ended, and no second one is made', async () => {
  const sink = await consumerWith('flapping', { autoRedrive: { ratePerSecond: 0.1 }, breaker: QUICK });
  sink.answersStatus(500);
  const died = [await cluster.publish('flapping', '1'), await cluster.publish('flapping', '2')];
  await dead('flapping', 2);
  sink.answersStatus(200);
  await cluster.publish('flapping', 'well');
  const job = await eventually(async () => (await jobsOf('flapping')).find(({ done }) => done === 1) ?? false);
  await cluster.ok('POST', `/v1/jobs/${job.id}/pause`);
  await eventually(async () => (await deliveriesOf(cluster, 'flapping', 'delivered')) === 2);

  sink.answersStatus(500);
  died.push(await cluster.publish('flapping', '3'));
  await dead('flapping', 2);
  await meanwhile(50);
  expect((await jobsOf('flapping'))[0]!.settings.to).toBe(job.settings.to);
  sink.answersStatus(200);
  await cluster.publish('flapping', 'well again');
  await eventually(async () => (await jobsOf('flapping')).every(({ settings }) => settings.to > job.settings.to));
  await cluster.database.query('UPDATE job SET rate_per_second = 100 WHERE id = ?', [job.id]);
  await cluster.ok('POST', `/v1/jobs/${job.id}/resume`);
  expect(await settled('flapping', 1)).toMatchObject([{ id: job.id, done: 3 }]);
  await dead('flapping', 0);
  await eventually(() => died.every((one) => sink.ids.filter((id) => id === one).length === 2));
}, 60_000);

it('does nothing for consumers without the rule, shows the rule, and refuses one that it cannot read', async () => {
  const sink = await consumerWith('none', {});
  sink.answersStatus(500);
  await cluster.publish('none', '1');
  await dead('none', 1);
  sink.answersStatus(200);
  await cluster.publish('none', '2');
  await eventually(async () => (await cluster.ok<{ failingSince: string | null }>('GET', path('none'))).failingSince === null);
  await meanwhile(300);
  expect(await jobsOf('none')).toEqual([]);
  expect(await cluster.ok('GET', path('none'))).toMatchObject({ autoRedrive: null });
  const put = (autoRedrive: unknown) =>
    cluster.api<{ autoRedrive: unknown; field: string }>('PUT', path('none'), { url: sink.url, autoRedrive });
  expect((await put(true)).body.autoRedrive).toEqual({});
  expect((await put({ withinSeconds: 60 })).body.autoRedrive).toEqual({ withinSeconds: 60 });
  expect(await put({ withinSeconds: 0 })).toMatchObject({ status: 400, body: { field: 'autoRedrive.withinSeconds' } });
});
