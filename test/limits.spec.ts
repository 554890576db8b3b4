import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import type { AppProcess } from './support/processes.js';
import type { Sink } from './support/sink.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 1 }, { SETTLE_TIME_MS: '1000' });
  for (let n = 0; n < 2; n++) await cluster.startDispatcher();
  await eventually(async () => {
    for (const one of dispatchers()) expect(await metric(one, 'posthorn_dispatchers')).toBe(3);
  });
}, 120_000);
afterAll(() => cluster?.stop());

const dispatchers = (): AppProcess[] => cluster.processes.filter(({ app, exited }) => app === 'dispatcher' && !exited);
const path = (name: string): string => `/v1/channels/${name}/consumers/c`;

/** A channel with a paused consumer and so many messages for it. */
async function held(name: string, url: string, count: number, settings: Record<string, unknown>): Promise<void> {
  await cluster.channel(name);
  await cluster.consumer(name, 'c', url, settings);
  await cluster.ok('POST', `${path(name)}/pause`);
  await Promise.all(Array.from({ length: count }, () => cluster.publish(name, 'x')));
}
const resume = (name: string, body?: unknown): Promise<{ resuming: unknown }> => cluster.ok('POST', `${path(name)}/resume`, body);

/** A consumer that takes its time, and counts how many requests it has at once. */
async function counting(takesMs: number): Promise<{ sink: Sink; most: () => number }> {
  let [now, most] = [0, 0];
  const sink = await cluster.sink(async (_received, response) => {
    most = Math.max(most, ++now);
    await sleep(takesMs);
    now--;
    response.end();
  });
  return { sink, most: () => most };
}

/** When the requests to a consumer began, ms: as the dispatchers wrote it down, for this process may be slow to see them come. */
async function begun(channel: string, consumer = 'c'): Promise<number[]> {
  const rows = await cluster.database.query<{ at: Date }[]>(
    `SELECT DISTINCT a.started_at AS at FROM channel h JOIN consumer c ON c.channel_id = h.id AND c.name = ? JOIN delivery d ON d.consumer_id = c.id
       JOIN attempt a ON a.message_id = d.message_id AND a.consumer_id = c.id WHERE h.name = ? ORDER BY a.started_at`,
    [consumer, channel],
  );
  return rows.map(({ at }) => at.getTime());
}

/** No stretch of time has more than the rate and the burst allow, give or take a second that a process lost between claim and request. */
function expectRate(times: readonly number[], { perSecond, burst }: { perSecond: number; burst: number }): void {
  for (const [i, from] of times.entries())
    for (const [j, to] of times.entries()) if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(burst + perSecond * ((to - from) / 1000 + 1));
}

it.each([1, 2, 7])('has no more than %i requests under way, over three dispatchers', async (maxInFlight) => {
  const { sink, most } = await counting(20);
  const name = `flight-${maxInFlight}`;
  await held(name, sink.url, 60, { maxInFlight });
  await resume(name);
  await eventually(() => sink.received.length >= 60, 30_000);
  expect(most()).toBeLessThanOrEqual(maxInFlight);
  expect(most()).toBeGreaterThanOrEqual(Math.min(2, maxInFlight));
  expect(new Set(sink.ids).size).toBe(60);
});

it('sends at the rate that a consumer allows, over three dispatchers, holds nothing while it waits, and goes by a changed rate', async () => {
  const [limited, slow, free] = [await cluster.sink(), await cluster.sink(), await cluster.sink()];
  await held('rate', limited.url, 0, { rateLimit: { perSecond: 20, burst: 5 } });
  await cluster.consumer('rate', 'slow', slow.url, { rateLimit: { perSecond: 0.5 } });
  await cluster.consumer('rate', 'free', free.url);
  await Promise.all(Array.from({ length: 300 }, () => cluster.publish('rate', 'x')));
  await eventually(() => free.received.length === 300);
  await resume('rate');
  await eventually(() => limited.received.length > 40);
  const [{ leased }] = await cluster.database.query<[{ leased: string }]>('SELECT COUNT(*) AS leased FROM ready WHERE lease_token <> 0');
  expect(Number(leased)).toBeLessThanOrEqual(6);
  const throttled = await Promise.all(dispatchers().map((one) => metric(one, 'posthorn_throttled_lanes')));
  expect(throttled.some((lanes) => lanes > 0)).toBe(true);

  const seconds = 8;
  const first = limited.received[0]!.at;
  await eventually(() => limited.received.some(({ at }) => at - first > seconds * 1000));
  const allowed = 5 + 20 * seconds;
  const sent = limited.received.filter(({ at }) => at - first <= seconds * 1000).length;
  expect(sent).toBeGreaterThanOrEqual(allowed * 0.85);
  expect(sent).toBeLessThanOrEqual(allowed * 1.1);
  const few = await begun('rate', 'slow');
  expect(few.length).toBeGreaterThanOrEqual(2);
  expectRate(few, { perSecond: 0.5, burst: 1 });

  await cluster.consumer('rate', 'c', limited.url, { rateLimit: null });
  await cluster.consumer('rate', 'slow', slow.url, { rateLimit: { perSecond: 100_000 } });
  await eventually(() => limited.received.length === 300 && slow.received.length === 300);
}, 60_000);

it('counts retries, tests and batches, each as one request', async () => {
  const [failing, batched] = [await cluster.sink((_received, response) => void response.writeHead(500).end()), await cluster.sink()];
  const rateLimit = { perSecond: 2, burst: 1 };
  await cluster.channel('all');
  await cluster.consumer('all', 'failing', failing.url, { rateLimit, retry: { delays: [0, 0] } });
  await cluster.consumer('all', 'batched', batched.url, { rateLimit, batch: { maxMessages: 10, maxWaitMs: 0 } });
  await cluster.ok('POST', '/v1/channels/all/consumers/batched/pause');
  await cluster.publish('all', 'x');
  await cluster.ok('POST', '/v1/channels/all/consumers/failing/test', {});
  await eventually(() => failing.received.length === 4);
  await cluster.ok('PUT', '/v1/channels/all/consumers/failing', { url: failing.url, disabled: true });
  await Promise.all(Array.from({ length: 39 }, () => cluster.publish('all', 'x')));
  await cluster.ok('POST', '/v1/channels/all/consumers/batched/resume');
  const messages = (): number => batched.received.reduce((sum, { headers }) => sum + Number(headers['posthorn-batch']), 0);
  await eventually(() => messages() === 40);
  expect(batched.received.length).toBeLessThanOrEqual(10);
  for (const consumer of ['failing', 'batched']) expectRate(await begun('all', consumer), rateLimit);
});

it('works off a backlog at the rate of the resume, whoever is restarted, and then is as fast as before', async () => {
  const sink = await cluster.sink();
  await held('backlog', sink.url, 100, {});
  expect(await resume('backlog', { ratePerSecond: 15 })).toMatchObject({
    paused: false,
    resuming: { ratePerSecond: 15, since: expect.any(String) },
  });
  await eventually(() => sink.received.length > 20);
  await dispatchers()[0]!.kill();
  expect(await cluster.ok('GET', path('backlog'))).toMatchObject({ resuming: { ratePerSecond: 15 } });
  await cluster.startDispatcher();
  await eventually(async () => expect(await cluster.ok('GET', path('backlog'))).toMatchObject({ resuming: null }), 30_000);
  expectRate(await begun('backlog'), { perSecond: 15, burst: 1 });
  expect(new Set(sink.ids).size).toBeGreaterThanOrEqual(99);
  const before = sink.received.length;
  await Promise.all(Array.from({ length: 300 }, () => cluster.publish('backlog', 'x')));
  // At the rate it would take 20 s.
  await eventually(() => sink.received.length >= before + 300, 15_000);
}, 60_000);

it('ends a resume at a rate by another one, and refuses rates that nothing can have', async () => {
  const sink = await cluster.sink();
  await held('ended', sink.url, 20, {});
  await resume('ended', { ratePerSecond: 0.1 });
  await meanwhile(500);
  expect(sink.received.length).toBeLessThan(2);
  expect(await resume('ended')).toMatchObject({ resuming: null });
  await eventually(() => sink.received.length === 20);
  await eventually(async () => {
    const sql = 'SELECT 1 FROM ready r JOIN consumer c ON c.id = r.consumer_id JOIN channel h ON h.id = c.channel_id WHERE h.name = ?';
    expect(await cluster.database.query(sql, ['ended'])).toEqual([]);
  });
  expect(await resume('ended', { ratePerSecond: 5 })).toMatchObject({ resuming: null });

  const fields = async (name: string, body: unknown) => {
    const answer = await cluster.api<{ errors: { field: string; message: string }[] }>('POST', `${path(name)}/resume`, body);
    return [answer.status, ...new Set(answer.body.errors.map(({ field }) => field))];
  };
  for (const ratePerSecond of [0, -1, 100_001, 'x']) expect(await fields('ended', { ratePerSecond })).toEqual([400, 'ratePerSecond']);
  await cluster.ok('PUT', path('ended'), { type: 'pull' });
  expect(await fields('ended', { ratePerSecond: 5 })).toEqual([400, 'ratePerSecond']);
  const put = await cluster.api<{ errors: { field: string }[] }>('PUT', path('ended'), { type: 'pull', rateLimit: { perSecond: 1 } });
  expect([put.status, put.body.errors.map(({ field }) => field)]).toEqual([400, ['rateLimit']]);
});

it('gives what a frozen dispatcher had to others, and takes it back from it when it thaws', async () => {
  const { sink, most } = await counting(10);
  await cluster.channel('frozen');
  await cluster.consumer('frozen', 'c', sink.url, { maxInFlight: 1, timeoutMs: 1_000 });
  const publish = (count: number) => Promise.all(Array.from({ length: count }, () => cluster.publish('frozen', 'x')));
  await publish(1);
  const attempted = async (one: AppProcess): Promise<number> =>
    one.lines.filter(({ msg, channel }) => msg === 'delivery.attempted' && channel === 'frozen').length;
  const owner = await eventually(async () => {
    for (const one of dispatchers()) if ((await attempted(one)) > 0) return one;
    return false;
  });
  await publish(50);
  owner.signal('SIGSTOP');
  await publish(50);
  await eventually(() => sink.received.length > 60, 30_000);
  owner.signal('SIGCONT');
  await publish(50);
  await eventually(() => new Set(sink.ids).size === 151, 30_000);
  // One that the frozen one had begun may have been under way while another one began.
  expect(most()).toBeLessThanOrEqual(2);
}, 90_000);
