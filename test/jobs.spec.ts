import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { deliveriesOf } from './support/outcome.js';
import type { Sink } from './support/sink.js';

interface Job {
  id: string;
  kind: string;
  cause: string;
  state: string;
  done: number;
  skipped: number;
  seen: number;
  total: number | null;
  error: string | null;
  keyName: string | null;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ schedulers: 1 }, { JOB_AHEAD_ROWS: '500', MAX_JOBS_PER_CONSUMER: '2' });
});
afterAll(() => cluster?.stop());

const base = (channel: string, consumer = 'c'): string => `/v1/channels/${channel}/consumers/${consumer}`;
const job = (id: string): Promise<Job> => cluster.ok('GET', `/v1/jobs/${id}`);
const act = (id: string, verb: string) => cluster.api<Job & { code: string }>('POST', `/v1/jobs/${id}/${verb}`);
const ended = (id: string, state = 'done'): Promise<Job> =>
  eventually(async () => {
    const now = await job(id);
    if (now.state !== state) throw new Error(`the job is ${JSON.stringify(now)}`);
    return now;
  }, 30_000);
const replay = (channel: string, body: object = {}, consumer = 'c'): Promise<Job> =>
  cluster.ok('POST', `${base(channel, consumer)}/replay`, body);

async function channelWith(name: string, settings: Record<string, unknown> = {}): Promise<Sink> {
  const sink = await cluster.sink();
  await cluster.channel(name);
  await cluster.consumer(name, 'c', sink.url, settings);
  return sink;
}

/** Publishes, and waits until all is delivered. */
async function delivered(channel: string, count: number, headers: Record<string, string> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await cluster.publish(channel, `${n}`, headers));
  await eventually(async () => (await deliveriesOf(cluster, channel, 'delivered')) >= ids.length);
  return ids;
}

/** A consumer with so many dead letters, and what it answers from then on. */
async function withDead(channel: string, count: number, settings: Record<string, unknown> = {}): Promise<{ sink: Sink; ids: string[] }> {
  const sink = await channelWith(channel, { retry: { delays: [] }, breaker: false, ...settings });
  sink.answersStatus(500);
  const ids = await Promise.all(
    Array.from({ length: count }, (_, n) => cluster.publish(channel, `${n}`, { 'posthorn-type': `t${n % 2}` })),
  );
  await eventually(async () => (await deliveriesOf(cluster, channel, 'dead')) === count);
  return { sink, ids };
}

const replaysOf = (sink: Sink, id: string) => sink.received.filter(({ headers }) => headers['posthorn-replay'] === id);

describe('a replay', () => {
  it('sends past messages again, marked, in publish order, with attempts numbered on', async () => {
    const sink = await channelWith('again', { maxInFlight: 1 });
    const ids = await delivered('again', 5);
    expect(sink.received.some(({ headers }) => 'posthorn-replay' in headers)).toBe(false);
    const made = await cluster.api<Job>('POST', `${base('again')}/replay`, { ratePerSecond: 10_000 });
    expect([made.status, made.headers.get('location')]).toEqual([202, `/v1/jobs/${made.body.id}`]);
    expect(made.body).toMatchObject({ kind: 'replay', cause: 'request', state: 'running', keyName: 'POSTHORN_ADMIN_KEY' });
    expect(await ended(made.body.id)).toMatchObject({ done: 5, skipped: 0, seen: 5, total: 5, error: null });
    await eventually(() => sink.received.length === 10);
    const again = replaysOf(sink, made.body.id);
    expect(again.map(({ headers }) => headers['webhook-id'])).toEqual(ids);
    expect(again.every(({ headers }) => headers['posthorn-attempt'] === '2')).toBe(true);
    await eventually(async () => (await deliveriesOf(cluster, 'again', 'delivered')) === 5);
    expect(await cluster.delivery('again', ids[0]!, 'c')).toMatchObject({
      status: 'delivered',
      attempts: 2,
      replays: 1,
      job: made.body.id,
    });
  });

  it('marks every attempt of it, in a batch and of a pull consumer too', async () => {
    const sink = await channelWith('marks', { retry: { delays: [0, 0] } });
    const batchSink = await cluster.sink();
    await cluster.consumer('marks', 'batched', batchSink.url, { batch: { maxMessages: 10, maxWaitMs: 0 } });
    await cluster.ok('PUT', base('marks', 'puller'), { type: 'pull', retry: { delays: [0, 0] } });
    const id = await cluster.publish('marks', 'x');
    type Leases = { leases: { receipt: string; attempt: number; replay: string | null }[] };
    const lease = async () =>
      (await cluster.ok<Leases>('POST', `${base('marks', 'puller')}/leases`, { max: 1, waitMs: 10_000 })).leases[0]!;
    const settle = (receipt: string, outcome: string) =>
      cluster.ok('POST', `${base('marks', 'puller')}/leases/settle`, { results: [{ receipt, outcome }] });
    const live = await lease();
    expect(live.replay).toBeNull();
    await settle(live.receipt, 'ack');
    await eventually(async () => (await deliveriesOf(cluster, 'marks', 'delivered')) === 3);
    sink.answers(({ headers }, response) => void response.writeHead(headers['posthorn-attempt'] === '4' ? 200 : 500).end());

    const pushed = await replay('marks');
    await eventually(async () => (await cluster.delivery('marks', id, 'c')).attempts === 4);
    expect(replaysOf(sink, pushed.id).map(({ headers }) => headers['posthorn-attempt'])).toEqual(['2', '3', '4']);
    const pulled = await replay('marks', {}, 'puller');
    for (const [attempt, outcome] of [
      [2, 'nack'],
      [3, 'ack'],
    ] as const) {
      const leased = await lease();
      expect([leased.attempt, leased.replay]).toEqual([attempt, pulled.id]);
      await settle(leased.receipt, outcome);
    }
    const batched = await replay('marks', {}, 'batched');
    const bodies = () =>
      batchSink.received.flatMap(({ body }) => (JSON.parse(body.toString()) as { messages: { headers: object }[] }).messages);
    await eventually(() => bodies().length === 2);
    expect(bodies().map(({ headers }) => headers)).toEqual([{}, { 'posthorn-replay': batched.id }]);
  });

  it('keeps its mark on what dies and is redriven', async () => {
    const { sink } = await withDead('dies', 1);
    const { id } = await replay('dies', { statuses: ['dead'] });
    await eventually(async () => (await deliveriesOf(cluster, 'dies', 'dead')) === 1 && replaysOf(sink, id).length === 1);
    sink.answersStatus(200);
    expect(await cluster.ok('POST', `${base('dies')}/dead-letters/redrive`, {})).toEqual({ count: 1, more: false });
    await eventually(() => replaysOf(sink, id).length === 2);
    await eventually(async () => (await deliveriesOf(cluster, 'dies', 'delivered')) === 1);
  });

  it('takes what its times, type, statuses and the filter of the consumer want, and no test', async () => {
    const sink = await channelWith('wants', { filter: { headers: { 'x-n': ['1'] } } });
    await cluster.consumer('wants', 'all', (await cluster.sink()).url);
    const wanted = await delivered('wants', 2, { 'posthorn-type': 'a', 'posthorn-header-x-n': '1' });
    for (const header of ['2', '1']) await cluster.publish('wants', 'x', { 'posthorn-type': 'b', 'posthorn-header-x-n': header });
    await cluster.ok('POST', `${base('wants', 'all')}/test?waitMs=5000`, {});
    await eventually(async () => (await deliveriesOf(cluster, 'wants', 'delivered')) === 8);
    const dry = (body: object, consumer = 'c') => cluster.ok('POST', `${base('wants', consumer)}/replay`, { dryRun: true, ...body });
    expect(await dry({})).toEqual({ count: 3, skipped: 0, atLeast: false });
    expect(await dry({ type: 'a' })).toEqual({ count: 2, skipped: 0, atLeast: false });
    expect(await dry({ statuses: ['none', 'dead'] })).toEqual({ count: 0, skipped: 0, atLeast: false });
    expect(await dry({ from: new Date(Date.now() + 1_000).toISOString() })).toMatchObject({ count: 0 });
    expect(await dry({ to: '2025-06-01T00:00:00Z' })).toMatchObject({ count: 0 });
    expect(await dry({}, 'all')).toEqual({ count: 4, skipped: 0, atLeast: false });
    // What never was the consumer's is sent once its filter wants it.
    await cluster.consumer('wants', 'c', sink.url, { filter: { headers: { 'x-n': ['2'] } } });
    const { id } = await replay('wants', { statuses: ['none'] });
    expect(await ended(id)).toMatchObject({ done: 1 });
    await eventually(() => replaysOf(sink, id).length === 1);
    expect((await cluster.delivery('wants', replaysOf(sink, id)[0]!.headers['webhook-id'] as string, 'c')).job).toBe(id);
    expect(wanted).not.toContain(replaysOf(sink, id)[0]!.headers['webhook-id']);
  });

  it('skips what is on its way, and comes behind live messages', async () => {
    const sink = await channelWith('behind', { maxInFlight: 1 });
    const past = await delivered('behind', 3);
    await cluster.ok('POST', `${base('behind')}/pause`);
    const waiting = await cluster.publish('behind', 'waits');
    expect(await ended((await replay('behind')).id)).toMatchObject({ done: 3, skipped: 1 });
    expect(await ended((await replay('behind')).id)).toMatchObject({ done: 0, skipped: 4 });
    const live = await cluster.publish('behind', 'live');
    await cluster.ok('POST', `${base('behind')}/resume`);
    await eventually(() => sink.received.length === 8);
    expect(sink.received.slice(3).map(({ headers }) => headers['webhook-id'])).toEqual([waiting, live, ...past]);
  });
});

describe('a redrive as a job', () => {
  it('sends what was dead when it was made, and not what dies again', async () => {
    const { sink, ids } = await withDead('loop', 7);
    const { id } = await cluster.ok<Job>('POST', `${base('loop')}/dead-letters/redrive`, { async: true });
    expect(await ended(id)).toMatchObject({ kind: 'redrive', done: 7, total: 7 });
    await eventually(async () => (await deliveriesOf(cluster, 'loop', 'dead')) === 7);
    await meanwhile(700);
    expect(sink.received).toHaveLength(14);
    expect(new Set(sink.ids)).toEqual(new Set(ids));
    expect(sink.received.some(({ headers }) => 'posthorn-replay' in headers)).toBe(false);
  });

  it('is named by what it sent again, until a request does', async () => {
    const { sink, ids } = await withDead('named', 2);
    const jobsOf = () => Promise.all(ids.map(async (one) => (await cluster.delivery('named', one, 'c')).job));
    expect(await jobsOf()).toEqual([null, null]);
    const { id } = await cluster.ok<Job>('POST', `${base('named')}/dead-letters/redrive`, { async: true });
    await ended(id);
    await eventually(async () => (await deliveriesOf(cluster, 'named', 'dead')) === 2);
    expect(await jobsOf()).toEqual([id, id]);
    sink.answersStatus(200);
    await cluster.ok('POST', `${base('named')}/dead-letters/redrive`, { messages: [ids[0]] });
    await eventually(async () => (await deliveriesOf(cluster, 'named', 'delivered')) === 1);
    expect(await jobsOf()).toEqual([null, id]);
  });

  it('takes those that match, counts them before, and discards in the same way', async () => {
    const { ids } = await withDead('match', 6);
    const path = `${base('match')}/dead-letters`;
    const dry = (body: object) => cluster.ok('POST', `${path}/redrive`, { dryRun: true, ...body });
    expect(await dry({ type: 't0' })).toEqual({ count: 3, more: false });
    expect(await dry({ type: 't0', errorClass: 'http-status' })).toEqual({ count: 3, more: false });
    expect(await dry({ errorClass: 'timeout' })).toEqual({ count: 0, more: false });
    const listed = await cluster.ok<{ items: { message: string }[] }>('GET', `${path}?type=t1&errorClass=http-status`);
    expect(listed.items).toHaveLength(3);
    const discard = await cluster.ok<Job>('POST', `${path}/discard`, { type: 't1', async: true, limit: 2 });
    expect(await ended(discard.id)).toMatchObject({ done: 2 });
    const left = await cluster.ok<{ items: { message: string }[] }>('GET', path);
    const oldest = [ids[1]!, ids[3]!, ids[5]!].toSorted((one, other) => Number(BigInt(one) - BigInt(other))).slice(0, 2);
    expect(new Set(left.items.map(({ message }) => message))).toEqual(new Set(ids.filter((id) => !oldest.includes(id))));
    expect(await deliveriesOf(cluster, 'match', 'dead')).toBe(6);
  });

  it('is one for each dead letter, whoever else redrives, discards and replays at the same time', async () => {
    await cluster.startScheduler();
    const { sink, ids } = await withDead('crowd', 40);
    sink.answersStatus(200);
    const path = base('crowd');
    const [a, b] = await Promise.all([
      cluster.ok<Job>('POST', `${path}/dead-letters/redrive`, { async: true }),
      cluster.ok<Job>('POST', `${path}/replay`, {}),
    ]);
    const counts = await Promise.all([1, 2].map(() => cluster.ok<{ count: number }>('POST', `${path}/dead-letters/redrive`, {})));
    const jobs = [await ended(a.id), await ended(b.id)];
    await eventually(async () => (await deliveriesOf(cluster, 'crowd', 'delivered')) === 40);
    const sent = jobs.reduce((sum, { done }) => sum + done, 0) + counts.reduce((sum, { count }) => sum + count, 0);
    expect(sent).toBeGreaterThanOrEqual(40);
    await eventually(() => cluster.idle());
    expect(sink.received.length - 40).toBe(sent);
    expect(new Set(sink.ids)).toEqual(new Set(ids));
  });
});

describe('a job', () => {
  it('keeps to its rate while it is paused and resumed', async () => {
    const sink = await channelWith('rate');
    await delivered('rate', 60);
    const began = performance.now();
    const { id } = await replay('rate', { ratePerSecond: 20 });
    await eventually(async () => (await job(id)).done >= 20);
    expect(await act(id, 'pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
    const held = (await job(id)).done;
    await meanwhile(1_500);
    expect((await job(id)).done).toBe(held);
    expect((await act(id, 'pause')).status).toBe(200);
    const pausedMs = performance.now() - began;
    await act(id, 'resume');
    const resumed = performance.now();
    await ended(id);
    // Never faster; that it is not slower is for an idle machine to show.
    expect(performance.now() - resumed).toBeGreaterThan(((60 - held) / 20 - 1.3) * 1_000);
    expect(pausedMs).toBeGreaterThan((held / 20 - 0.5) * 1_000);
    await eventually(() => replaysOf(sink, id).length === 60);
  });

  it('has no step more for being paused and resumed', async () => {
    await channelWith('again-and-again');
    await delivered('again-and-again', 10);
    const rate = 0.1;
    const began = performance.now();
    const { id } = await replay('again-and-again', { ratePerSecond: rate });
    await eventually(async () => (await job(id)).done === 1);
    for (let n = 0; n < 4; n++) {
      for (const verb of ['pause', 'resume']) await act(id, verb);
      // Longer than a scheduler waits before it looks at jobs again.
      await meanwhile(700);
    }
    const { done } = await job(id);
    expect(done).toBeLessThanOrEqual(1 + ((performance.now() - began) / 1_000) * rate * 1.1);
    await act(id, 'cancel');
  });

  it('is cancelled for good, and what it has done stays done', async () => {
    const sink = await channelWith('cancel');
    await delivered('cancel', 20);
    const { id } = await replay('cancel', { ratePerSecond: 4 });
    await eventually(async () => (await job(id)).done >= 2);
    expect(await act(id, 'cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    const { done } = await job(id);
    await meanwhile(800);
    expect(await job(id)).toMatchObject({ state: 'cancelled', done });
    expect([(await act(id, 'resume')).status, (await act(id, 'pause')).body.code]).toEqual([409, 'conflict']);
    await eventually(() => replaysOf(sink, id).length === done);
  });

  it('waits while its consumer has a full lane, and others go on beside it', async () => {
    const sink = await channelWith('full');
    await delivered('full', 1);
    const [[consumer], [message]] = await Promise.all([
      cluster.database.query<{ id: number; channel: number }[]>(
        `SELECT c.id, h.id AS channel FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = 'full'`,
      ),
      cluster.database.query<{ id: string }[]>(`SELECT m.id FROM message m JOIN channel h ON h.id = m.channel_id WHERE h.name = 'full'`),
    ]);
    await cluster.ok('POST', `${base('full')}/pause`);
    await cluster.database.query('INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES ?', [
      Array.from({ length: 500 }, (_, n) => [consumer!.id, 9, n + 1, message!.id]),
    ]);
    const full = await replay('full');
    await channelWith('beside');
    await delivered('beside', 3);
    expect(await ended((await replay('beside')).id)).toMatchObject({ done: 3 });
    expect(await job(full.id)).toMatchObject({ state: 'running', done: 0 });
    await cluster.database.query('DELETE FROM ready WHERE consumer_id = ?', [consumer!.id]);
    await ended(full.id);
    await cluster.ok('POST', `${base('full')}/resume`);
    await eventually(() => replaysOf(sink, full.id).length === 1);
  });

  it('is refused where it makes no sense, and names the field', async () => {
    await channelWith('refused');
    const post = (path: string, body: object) =>
      cluster.api<{ code: string; errors?: { field: string }[] }>('POST', `${base('refused')}/${path}`, body);
    const fieldsOf = async (path: string, body: object) => {
      const { status, body: problem } = await post(path, body);
      return [status, problem.errors?.map(({ field }) => field)];
    };
    expect(await fieldsOf('replay', { ratePerSecond: 0.01, statuses: ['queued'], from: 'yesterday' })).toEqual([
      400,
      ['from', 'statuses', 'ratePerSecond'],
    ]);
    expect(await fieldsOf('replay', { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' })).toEqual([400, ['to']]);
    expect(await fieldsOf('dead-letters/redrive', { ratePerSecond: 100_000, errorClass: 'boredom', async: 'yes' })).toEqual([
      400,
      ['async', 'ratePerSecond', 'errorClass'],
    ]);
    // One that has nothing to send ends before it is paused.
    await delivered('refused', 3);
    const paused = await Promise.all([1, 2].map(() => replay('refused', { ratePerSecond: 1 })));
    for (const { id } of paused) await act(id, 'pause');
    expect((await post('replay', {})).status).toBe(409);
    expect((await cluster.api('GET', '/v1/jobs/123')).status).toBe(404);
    expect((await cluster.api('GET', '/v1/jobs/nothing')).status).toBe(404);
  });

  it('is listed by channel, consumer and state, newest first, to those who may manage the channel', async () => {
    await channelWith('listed');
    await cluster.consumer('listed', 'd', 'http://127.0.0.1:9/');
    const made = [await replay('listed'), await replay('listed', {}, 'd'), await replay('listed')];
    for (const { id } of made) await ended(id);
    type Jobs = { items: Job[]; cursor: string | null };
    const list = (query: string, key?: string) => cluster.api<Jobs>('GET', `/v1/jobs?${query}`, undefined, {}, key);
    const idsOf = async (query: string) => (await list(query)).body.items.map(({ id }) => id);
    const [a, b, c] = made.map(({ id }) => id);
    expect(await idsOf('channel=listed')).toEqual([c, b, a]);
    expect(await idsOf('channel=listed&consumer=c&state=done')).toEqual([c, a]);
    expect(await idsOf('channel=listed&state=failed')).toEqual([]);
    const page = (await list('channel=listed&limit=2')).body;
    expect(await idsOf(`channel=listed&limit=2&cursor=${page.cursor}`)).toEqual([a]);
    expect((await list('consumer=c')).status).toBe(400);
    const { key } = await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'k', scopes: ['manage:listed'] });
    expect([(await list('channel=listed', key)).status, (await list('', key)).status, (await list('channel=rate', key)).status]).toEqual([
      200, 403, 403,
    ]);
    expect((await cluster.api('GET', `/v1/jobs/${a}`, undefined, {}, key)).status).toBe(200);
    expect((await cluster.api('POST', `/v1/jobs/${a}/pause`, undefined, {}, key)).status).toBe(409);
    const audit = await cluster.ok<{ items: { resource: string; status: number }[] }>('GET', `/v1/audit?resource=/v1/jobs/${a}`);
    expect(audit.items).toMatchObject([{ resource: `/v1/jobs/${a}`, status: 409 }]);
  });
});
