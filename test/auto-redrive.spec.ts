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
  for (const time of [job!.settings.from, job!.settings.to]) expect(new Date(time).toISOString()).toBe(time);
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
  await cluster.database.query('UPDATE job SET rate_per_second = 100, next_at = NOW(6) WHERE id = ?', [job.id]);
  await cluster.ok('POST', `/v1/jobs/${job.id}/resume`);
  expect(await settled('flapping', 1)).toMatchObject([{ id: job.id, done: 3 }]);
  await dead('flapping', 0);
  await eventually(() => died.every((one) => sink.ids.filter((id) => id === one).length === 2));
}, 60_000);

describe('with ordering', () => {
  const RULE = { ordering: 'key', autoRedrive: { ratePerSecond: 8 } };
  const keyed = async (channel: string, ...names: string[]): Promise<void> => {
    for (const name of names) await cluster.publish(channel, name, { 'posthorn-key': name.slice(0, 1) });
  };
  /** What came for a key, in the order in which it came; it fails when two were under way at a time. */
  function answering(sink: Sink): (key: string) => string[] {
    const [came, underWay]: [string[], Set<string>] = [[], new Set()];
    sink.answers(async ({ body }, response) => {
      const key = body.toString().slice(0, 1);
      came.push(underWay.has(key) ? `${body.toString()} too early` : body.toString());
      underWay.add(key);
      // Long enough for the next steps of the job: two rows every quarter of a second.
      await meanwhile(300);
      underWay.delete(key);
      response.end();
    });
    return (key) => came.filter((name) => name.startsWith(key));
  }

  it('sends what died of a key one after another in the order in which it was published, behind what is there', async () => {
    const sink = await consumerWith('in-order', { ...RULE, orderingExhausted: 'dead-letter' });
    sink.answersStatus(500);
    await keyed('in-order', 'a1', 'b1', 'a2', 'b2', 'a3', 'a4');
    await dead('in-order', 6);
    const came = answering(sink);
    await keyed('in-order', 'a5');
    expect((await settled('in-order', 1))[0]).toMatchObject({ done: 6 });
    await eventually(async () => (await deliveriesOf(cluster, 'in-order', 'delivered')) === 7);
    expect([came('a'), came('b')]).toEqual([
      ['a5', 'a1', 'a2', 'a3', 'a4'],
      ['b1', 'b2'],
    ]);
  });

  it('sends a dead letter that holds its key in its old place', async () => {
    const sink = await consumerWith('held', { ...RULE, orderingExhausted: 'block' });
    sink.answersStatus(500);
    await keyed('held', 'a1', 'b1', 'a2', 'a3', 'b2');
    await dead('held', 2);
    const came = answering(sink);
    await keyed('held', 'c1');
    expect((await settled('held', 1))[0]).toMatchObject({ done: 2 });
    await eventually(async () => (await deliveriesOf(cluster, 'held', 'delivered')) === 6);
    expect([came('a'), came('b')]).toEqual([
      ['a1', 'a2', 'a3'],
      ['b1', 'b2'],
    ]);
  });
});

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
