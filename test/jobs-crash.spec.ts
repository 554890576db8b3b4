import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { deliveriesOf } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { Producers } from './support/producers.js';
import type { Sink } from './support/sink.js';

interface Job {
  id: string;
  state: string;
  done: number;
  skipped: number;
  error: string | null;
}

let cluster: Cluster;
let proxy: DatabaseProxy;
let first: AppProcess;
let jobsMade = 0;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 1 }, { INLINE_FANOUT: '2' });
});
afterAll(() => cluster?.stop());

const job = (id: string): Promise<Job> => cluster.ok('GET', `/v1/jobs/${id}`);
const ended = (id: string): Promise<Job> =>
  eventually(async () => {
    const now = await job(id);
    return now.state !== 'running' && now;
  }, 30_000);

async function withMessages(channel: string, count: number, status: number, settings = {}): Promise<{ sink: Sink; ids: string[] }> {
  const sink = await cluster.sink();
  sink.answersStatus(status);
  await cluster.channel(channel);
  await cluster.consumer(channel, 'c', sink.url, { retry: { delays: [] }, ...settings });
  const ids = await Promise.all(Array.from({ length: count }, (_, n) => cluster.publish(channel, `${n}`)));
  await eventually(async () => (await deliveriesOf(cluster, channel, status === 200 ? 'delivered' : 'dead')) === count);
  sink.answersStatus(200);
  return { sink, ids };
}

/** Each message came once more, and not more often. */
async function expectOnceMore(channel: string, { sink, ids }: { sink: Sink; ids: string[] }): Promise<void> {
  await eventually(async () => (await deliveriesOf(cluster, channel, 'delivered')) === ids.length && (await cluster.idle()));
  expect(sink.ids.toSorted()).toEqual([...ids, ...ids].toSorted());
}

describe('a scheduler that is killed in a step of a job', () => {
  beforeEach(async () => {
    proxy = await DatabaseProxy.open(cluster.test.url);
    first = await cluster.startScheduler({ DATABASE_URL: proxy.url });
  });
  afterEach(async () => {
    await Promise.all(cluster.processes.filter(({ app }) => app === 'failsafe-scheduler').map((one) => one.kill()));
    await proxy.close();
  });

  /** Two rows in each step. */
  const SLOWLY = { ratePerSecond: 8 };
  const TIMES = [
    ['before', 'statement'],
    ['after', 'answer'],
  ] as const;

  /** The job that `make` leads to, of seven rows, is killed in its second step, and another scheduler ends it. */
  async function killedInSecondStep(at: 'statement' | 'answer', make: () => Promise<string>): Promise<void> {
    const step = commitOf('UPDATE job SET cursor_id');
    let steps = 0;
    const second: typeof step = (sql, transaction) => step(sql, transaction) && ++steps === 2;
    const caught = at === 'statement' ? proxy.catchStatement(second) : proxy.catchAnswer(second);
    const id = await make();
    await caught;
    await first.kill();
    await eventually(async () => (await job(id)).done === (at === 'statement' ? 2 : 4));
    await cluster.startScheduler();
    expect(await ended(id)).toMatchObject({ state: 'done', done: 7, skipped: 0, error: null });
  }

  it.each((['redrive', 'replay'] as const).flatMap((kind) => TIMES.map(([when, at]) => [kind, when, at] as const)))(
    'of a %s, %s its COMMIT: another one goes on exactly there, and repeats nothing',
    async (kind, when, at) => {
      const channel = `${kind}-${when}`;
      const made = await withMessages(channel, 7, kind === 'redrive' ? 500 : 200);
      const path = `/v1/channels/${channel}/consumers/c/${kind === 'redrive' ? 'dead-letters/redrive' : 'replay'}`;
      await killedInSecondStep(at, async () => (await cluster.ok<Job>('POST', path, SLOWLY)).id);
      await expectOnceMore(channel, made);
    },
  );

  it.each(TIMES)('of a redrive that nobody asked for, %s its COMMIT: as well, and no second job is made', async (when, at) => {
    const channel = `auto-${when}`;
    const consumer = `/v1/channels/${channel}/consumers/c`;
    const { sink, ids } = await withMessages(channel, 7, 500, { breaker: false, autoRedrive: SLOWLY });
    await eventually(async () => (await cluster.ok<{ failingSince: string | null }>('GET', consumer)).failingSince !== null);
    const jobs = async () => (await cluster.ok<{ items: (Job & { cause: string })[] }>('GET', `/v1/jobs?channel=${channel}`)).items;
    let well = '';
    await killedInSecondStep(at, async () => {
      well = await cluster.publish(channel, 'well');
      return eventually(async () => (await jobs())[0]?.id ?? false);
    });
    await eventually(async () => (await deliveriesOf(cluster, channel, 'delivered')) === 8 && (await cluster.idle()));
    expect(sink.ids.toSorted()).toEqual([...ids, ...ids, well].toSorted());
    expect(await jobs()).toMatchObject([{ cause: 'auto-redrive', done: 7 }]);
  });

  it('ends a job whose consumer is deleted, which needs force', async () => {
    const { ids } = await withMessages('gone', 4, 200);
    const path = '/v1/channels/gone/consumers/c';
    await cluster.startScheduler();
    const { id } = await cluster.ok<Job>('POST', `${path}/replay`, { ratePerSecond: 1 });
    const refused = await cluster.api<{ detail: string }>('DELETE', path);
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('1 jobs')]);
    expect((await cluster.api('DELETE', `${path}?force=true`)).status).toBe(204);
    expect(await job(id)).toMatchObject({ state: 'cancelled', error: 'consumer-deleted' });
    // The same name is another consumer.
    const sink = await cluster.sink();
    await cluster.consumer('gone', 'c', sink.url);
    const next = await cluster.publish('gone', 'x');
    await eventually(() => sink.ids.includes(next));
    expect(sink.ids).toEqual([next]);
    expect(ids).not.toContain(next);
    await eventually(async () => (await cluster.database.query<unknown[]>('SELECT 1 FROM removed_consumer')).length === 0);
  });
});

describe('the rate of a job', () => {
  const RATE = 20;
  /** A quarter of a second's worth. */
  const STEP = 5;
  /** What was missed and is made up for. */
  const MADE_UP_MS = 1_000;
  const allowed = (ms: number): number => (RATE * 1.1 * ms) / 1_000 + STEP;

  it.each(['redrive', 'replay'] as const)(
    'of a %s holds at the consumer, over a kill of the scheduler and a pause',
    async (kind) => {
      const channel = `rate-of-${kind}`;
      const count = 190;
      const made = await withMessages(channel, count, kind === 'redrive' ? 500 : 200, { breaker: false });
      const again = () => made.sink.received.slice(count).map(({ at }) => at);
      const arrivedSince = (from: number) => again().filter((at) => at >= from);
      const path = `/v1/channels/${channel}/consumers/c/${kind === 'redrive' ? 'dead-letters/redrive' : 'replay'}`;
      const killed = await cluster.startScheduler();
      const began = Date.now();
      const { id } = await cluster.ok<Job>('POST', path, { ratePerSecond: RATE });
      /** All that the job has sent has arrived, so that what arrives later was sent later. */
      const arrived = () => eventually(async () => again().length === (await job(id)).done);

      await eventually(async () => (await job(id)).done >= 30);
      await killed.kill();
      await arrived();
      // Longer than what may be made up for; what comes before the pause would tell.
      await meanwhile(5 * MADE_UP_MS);
      const restarted = Date.now();
      const scheduler = await cluster.startScheduler();
      const up = Date.now();

      await eventually(async () => (await job(id)).done >= 150);
      await cluster.ok('POST', `/v1/jobs/${id}/pause`);
      await arrived();
      await meanwhile(MADE_UP_MS);
      const resumed = Date.now();
      // Whoever pauses and resumes gets no step more for it.
      for (const act of ['resume', 'pause', 'resume', 'pause', 'resume']) await cluster.ok('POST', `/v1/jobs/${id}/${act}`);
      expect(await ended(id)).toMatchObject({ state: 'done', done: count });
      await expectOnceMore(channel, made);
      for (const [n, at] of again().entries()) expect(n + 1).toBeLessThanOrEqual(allowed(at - began));
      // Counted from when the process was up, with a second for noticing that late: all of its start would hide a job that makes up for more.
      for (const [n, at] of arrivedSince(restarted).entries())
        expect(n + 1).toBeLessThanOrEqual(allowed(Math.max(0, at - up) + MADE_UP_MS + 1_000));
      for (const [n, at] of arrivedSince(resumed).entries()) expect(n + 1).toBeLessThanOrEqual(allowed(at - resumed));
      // Half of the rate at least, also on a machine that has other things to do.
      expect(arrivedSince(resumed).length).toBeGreaterThanOrEqual((again().at(-1)! - resumed) * (RATE / 1_000) * 0.5);
      await scheduler.kill();
    },
    90_000,
  );
});

describe('startFrom', () => {
  it('gives each message once to consumers that are created while producers publish at full speed, inline and by fan-out', async () => {
    const live = await cluster.sink();
    await cluster.channel('seam');
    await cluster.consumer('seam', 'live', live.url);
    // Before, so that nothing is published in the time that it takes.
    const scheduler = await cluster.startScheduler();
    const producers = new Producers({ url: cluster.url, channel: 'seam', key: ADMIN_KEY, count: 4 });
    await producers.reached(40);
    const sinks: Sink[] = [];
    const jobs: string[] = [];
    for (let n = 0; n < 3; n++) {
      const sink = await cluster.sink();
      sinks.push(sink);
      const body = { url: sink.url, startFrom: n % 2 === 0 ? 'earliest' : '2025-06-01T00:00:00Z' };
      const made = await cluster.ok<{ historyJob: string }>('PUT', `/v1/channels/seam/consumers/c${n}`, body);
      jobs.push(made.historyJob);
      await producers.reached(producers.ids.length + 20);
    }
    await producers.stop();
    for (const id of jobs) expect(await ended(id)).toMatchObject({ state: 'done', error: null });
    await eventually(() => cluster.idle(), 60_000);
    for (const [n, sink] of sinks.entries()) {
      expect(sink.ids.toSorted()).toEqual(producers.ids.toSorted());
      const replayed = sink.received.filter(({ headers }) => headers['posthorn-replay'] === jobs[n]);
      expect(replayed).toHaveLength((await job(jobs[n]!)).done);
      expect(replayed.length).toBeGreaterThanOrEqual(40);
    }
    await scheduler.kill();
  }, 120_000);

  it('begins with the next message unless it says otherwise, and is for the first PUT only', async () => {
    await cluster.channel('now');
    await cluster.publish('now', 'x');
    const put = (name: string, body: object) =>
      cluster.api<{ historyJob?: string; field?: string }>('PUT', `/v1/channels/now/consumers/${name}`, {
        url: 'http://127.0.0.1:9/',
        ...body,
      });
    for (const startFrom of [undefined, 'now', new Date(Date.now() + 60_000).toISOString()]) {
      const made = await put(`c-${jobsMade++}`, { startFrom });
      expect([made.status, made.body.historyJob]).toEqual([201, undefined]);
    }
    expect(await put('wrong', { startFrom: 'yesterday' })).toMatchObject({ status: 400, body: { field: 'startFrom' } });
    const created = await put('old', { startFrom: 'earliest' });
    expect(created.body.historyJob).toMatch(/^\d+$/);
    const again = await put('old', { startFrom: 'earliest' });
    expect([again.status, again.body.historyJob]).toEqual([200, undefined]);
    expect(await job(created.body.historyJob!)).toMatchObject({
      cause: 'start-from',
      keyName: 'POSTHORN_ADMIN_KEY',
      settings: { statuses: ['none'] },
    });
  });
});
