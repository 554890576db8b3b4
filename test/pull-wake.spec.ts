import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import type { AppProcess } from './support/processes.js';
import { type Lease, pullChannel, Puller } from './support/puller.js';

/** Nobody looks by himself while these tests run: only a nudge can wake a poll. */
const NEVER = { POLL_FALLBACK_MS: '600000', DATABASE_POOL: '6' };
const WAIT_MS = 20_000;

let cluster: Cluster;
/** Where the polls wait, and another one, which came later and so knows it from the start. */
let waiting: AppProcess;
let other: AppProcess;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, NEVER);
  waiting = cluster.ingest;
  other = await cluster.startIngest({ INLINE_FANOUT: '1' });
  await cluster.startDispatcher();
});
afterAll(() => cluster.stop());

const looks = (ingest: AppProcess): Promise<number> => metric(ingest, 'posthorn_lease_seconds_count');

/** A poll that has found nothing and waits. */
async function poll(
  ingest: AppProcess,
  channel: string,
  wish: { max?: number; leaseMs?: number } = {},
): Promise<{ leases: Promise<Lease[]> }> {
  const [before, polls] = [await looks(ingest), await metric(ingest, 'posthorn_polls')];
  const leases = Puller.on(ingest, channel).lease({ waitMs: WAIT_MS, ...wish });
  leases.catch(() => undefined);
  await eventually(async () => (await looks(ingest)) > before && (await metric(ingest, 'posthorn_polls')) === polls + 1);
  return { leases };
}

describe('a waiting poll is woken by', () => {
  it('a message that its own process accepts', async () => {
    await pullChannel(cluster, 'own');
    cluster.ingest = waiting;
    const { leases } = await poll(waiting, 'own');
    const id = await cluster.publish('own', 'x');
    expect((await leases).map(({ message }) => message.id)).toEqual([id]);
    expect(await metric(waiting, 'posthorn_polls')).toBe(0);
  });

  it('a message that another ingest process accepts', async () => {
    await pullChannel(cluster, 'other');
    const { leases } = await poll(waiting, 'other');
    cluster.ingest = other;
    const id = await cluster.publish('other', 'x');
    expect((await leases).map(({ message }) => message.id)).toEqual([id]);
  });

  it('a retry that a dispatcher makes ready', async () => {
    await pullChannel(cluster, 'retried');
    const id = await cluster.publish('retried', 'x');
    const puller = Puller.on(waiting, 'retried');
    const first = await puller.leaseOne();
    await puller.settle({ receipt: first.receipt, outcome: 'nack', delayMs: 1_000 });
    const { leases } = await poll(waiting, 'retried');
    expect(await leases).toMatchObject([{ attempt: 2, message: { id } }]);
  });

  it('a message that a dispatcher fans out', async () => {
    await pullChannel(cluster, 'wide');
    await cluster.ok('PUT', '/v1/channels/wide/consumers/d', { type: 'pull' });
    const { leases } = await poll(waiting, 'wide');
    cluster.ingest = other;
    const id = await cluster.publish('wide', 'x');
    expect((await leases).map(({ message }) => message.id)).toEqual([id]);
  });

  it('the end of a pause', async () => {
    await pullChannel(cluster, 'paused');
    await cluster.ok('POST', '/v1/channels/paused/consumers/c/pause');
    const id = await cluster.publish('paused', 'x');
    const { leases } = await poll(waiting, 'paused');
    cluster.ingest = other;
    await cluster.ok('POST', '/v1/channels/paused/consumers/c/resume');
    expect((await leases).map(({ message }) => message.id)).toEqual([id]);
  });

  it('a redrive', async () => {
    await pullChannel(cluster, 'redriven');
    const id = await cluster.publish('redriven', 'x');
    const puller = Puller.on(waiting, 'redriven');
    await puller.settle({ receipt: (await puller.leaseOne()).receipt, outcome: 'dead' });
    const { leases } = await poll(waiting, 'redriven');
    cluster.ingest = other;
    await cluster.ok('POST', '/v1/channels/redriven/consumers/c/dead-letters/redrive', {});
    expect(await leases).toMatchObject([{ attempt: 2, message: { id } }]);
  });
});

it('of several waiting polls the longest waiting gets the message, and the others wait on', async () => {
  await pullChannel(cluster, 'queue');
  const polls = [await poll(waiting, 'queue'), await poll(waiting, 'queue'), await poll(waiting, 'queue')];
  const answered: number[] = [];
  for (const [index, { leases }] of polls.entries()) leases.then(() => answered.push(index)).catch(() => undefined);
  cluster.ingest = waiting;
  for (const count of [1, 2, 3]) {
    await cluster.publish('queue', 'x');
    await eventually(() => answered.length === count);
  }
  expect(answered).toEqual([0, 1, 2]);
  for (const { leases } of polls) expect(await leases).toHaveLength(1);
});

it('a burst serves many waiting polls, each message once', async () => {
  await pullChannel(cluster, 'burst');
  const polls: { leases: Promise<Lease[]> }[] = [];
  for (let n = 0; n < 10; n++) polls.push(await poll(n % 2 === 0 ? waiting : other, 'burst'));
  cluster.ingest = other;
  const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => cluster.publish('burst', `${n}`)));
  const got = (await Promise.all(polls.map(({ leases }) => leases))).flat().map(({ message }) => message.id);
  expect(got.toSorted()).toEqual(ids.toSorted());
});

it('a poll that nobody wakes ends empty after its time, and costs the database nothing meanwhile', async () => {
  await pullChannel(cluster, 'quiet');
  const before = await looks(waiting);
  const startedAt = performance.now();
  expect(await Puller.on(waiting, 'quiet').lease({ waitMs: 1_500 })).toEqual([]);
  expect(performance.now() - startedAt).toBeGreaterThan(1_450);
  expect((await looks(waiting)) - before).toBe(1);
});

it('a poll of a consumer that becomes push is told at the next wake', async () => {
  await pullChannel(cluster, 'pushed');
  cluster.ingest = waiting;
  const { leases } = await poll(waiting, 'pushed');
  const path = '/v1/channels/pushed/consumers/c';
  await cluster.ok('PUT', path, { type: 'push', url: 'http://127.0.0.1:9/' });
  await cluster.ok('POST', `${path}/pause`);
  await cluster.ok('POST', `${path}/resume`);
  await expect(leases).rejects.toMatchObject({ status: 409, code: 'conflict' });
});

it('without nudges, a look at all waiting lanes finds what there is: leases that ran out, and messages nobody told of', async () => {
  const looking = await cluster.startIngest({ POLL_FALLBACK_MS: '200' });
  await pullChannel(cluster, 'untold');
  const id = await cluster.publish('untold', 'x');
  const [lost] = await Puller.on(looking, 'untold').lease({ leaseMs: 1_000 });
  expect(lost!.message.id).toBe(id);
  const { leases } = await poll(looking, 'untold');
  expect(await leases).toMatchObject([{ attempt: 2, message: { id } }]);
  const silent = await poll(looking, 'untold');
  await cluster.database.query(`UPDATE ready SET lease_until = '2000-01-01', lease_token = 0 WHERE message_id = ?`, [id]);
  expect(await silent.leases).toMatchObject([{ attempt: 3, message: { id } }]);
});
