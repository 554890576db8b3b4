import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { registerMany } from './support/many-consumers.js';
import { metric } from './support/metrics.js';
import { deliveriesOf, expectAllDelivered, failedAttemptsOf, messagesOf } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { Producers } from './support/producers.js';
import type { Sink } from './support/sink.js';

/** A lease lasts timeout + settle time + 5 s: 7 s. */
const SHORT_LEASES = { DELIVERY_TIMEOUT_MS: '1000', SETTLE_TIME_MS: '1000', RATIONAL_DELAY_MS: '1000', DATABASE_POOL: '6' };

let cluster: Cluster;
let proxy: DatabaseProxy;
/** The ingest API that the tests use beside those that they break. */
let plain: AppProcess | undefined;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0, ingest: false }, SHORT_LEASES);
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  proxy = await DatabaseProxy.open(cluster.test.url);
  if (!plain || plain.exited) plain = await cluster.startIngest();
  cluster.ingest = plain;
});
afterEach(async () => {
  await Promise.all(cluster.processes.filter((one) => one !== plain).map((one) => one.kill()));
  await proxy.close();
});

/** Takes over what others left; a busy test machine does not make its attempts time out. */
const startPatientDispatcher = (): Promise<AppProcess> => cluster.startDispatcher({ DELIVERY_TIMEOUT_MS: '15000' });

async function channelWithOne(name: string, settings: Record<string, unknown> = {}): Promise<Sink> {
  const sink = await cluster.sink();
  await cluster.channel(name);
  await cluster.consumer(name, 'c', sink.url, settings);
  return sink;
}

const log = (delivery: { attemptLog: { number: number; errorClass: string | null }[] }) =>
  delivery.attemptLog.toSorted((a, b) => a.number - b.number).map(({ number, errorClass }) => [number, errorClass]);

describe('an ingest API that is killed', () => {
  const publish = (channel: string, key: string) =>
    cluster.api<{ id: string; code: string; deliveries: number }>('POST', `/v1/channels/${channel}/messages`, 'body', {
      'idempotency-key': key,
    });
  const throughProxy = () => cluster.startIngest({ DATABASE_URL: proxy.url });
  const outcome = (answer: Promise<unknown>) =>
    answer.then(
      () => 'answered',
      () => 'broken',
    );
  const ACCEPT = 'INSERT INTO message';

  it('under load loses nothing that it acknowledged, and its producers repeat what it did not', async () => {
    const sinks = [await cluster.sink(), await cluster.sink()];
    await cluster.channel('load');
    for (const [n, sink] of sinks.entries()) await cluster.consumer('load', `c${n}`, sink.url);
    await startPatientDispatcher();
    const { url } = cluster;
    const producers = new Producers({ url, channel: 'load', key: ADMIN_KEY });
    for (const count of [100, 300]) {
      await producers.reached(count);
      await cluster.ingest.kill();
      await cluster.startIngest({ PORT: new URL(url).port });
    }
    await producers.reached(500);
    await producers.stop();
    expect(producers.unanswered).toBeGreaterThan(0);
    await expectAllDelivered(cluster, 'load', producers.ids, sinks);
    for (const sink of sinks) expect(sink.ids).toHaveLength(producers.ids.length);
  });

  it('before COMMIT has stored nothing; the repeat is the first', async () => {
    const sink = await channelWithOne('before-commit');
    const ingest = await throughProxy();
    const caught = proxy.catchStatement(commitOf(ACCEPT));
    const first = outcome(publish('before-commit', 'k'));
    await caught;
    await ingest.kill();
    expect(await first).toBe('broken');
    cluster.ingest = plain!;
    // What the killed process had begun holds a shared lock of the channel row: this waits until the server has undone it.
    await cluster.ok('PUT', '/v1/channels/before-commit', {});
    expect(await messagesOf(cluster, 'before-commit')).toBe(0);
    const repeat = await publish('before-commit', 'k');
    expect([repeat.status, repeat.body.deliveries]).toEqual([201, 1]);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'before-commit', [repeat.body.id], [sink]);
  });

  it('after COMMIT and before its answer has stored the message once; the repeat gets its id', async () => {
    const sink = await channelWithOne('after-commit');
    const ingest = await throughProxy();
    const caught = proxy.catchAnswer(commitOf(ACCEPT));
    const first = outcome(publish('after-commit', 'k'));
    await caught;
    await ingest.kill();
    expect(await first).toBe('broken');
    const [stored] = await cluster.database.query<{ id: string }[]>(
      `SELECT m.id FROM message m JOIN channel h ON h.id = m.channel_id WHERE h.name = 'after-commit'`,
    );
    cluster.ingest = plain!;
    const repeat = await publish('after-commit', 'k');
    expect(repeat.status).toBe(200);
    expect(repeat.body).toMatchObject({ id: stored!.id, deliveries: 1 });
    expect(await deliveriesOf(cluster, 'after-commit')).toBe(1);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'after-commit', [stored!.id], [sink]);
    expect(sink.ids).toEqual([stored!.id]);
  });

  it.each([
    ['its answer', 'answer', 200],
    ['COMMIT itself', 'statement', 201],
  ] as const)('or cut off in mid-COMMIT, when %s is lost, leads to 503 and one message after the repeat', async (_what, lost, status) => {
    const channel = `cut-${lost}`;
    const sink = await channelWithOne(channel);
    await throughProxy();
    const caught = lost === 'answer' ? proxy.catchAnswer(commitOf(ACCEPT)) : proxy.catchStatement(commitOf(ACCEPT));
    const first = publish(channel, 'k');
    (await caught).cut();
    const refused = await first;
    expect([refused.status, refused.body.code]).toEqual([503, 'database-unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const repeat = await publish(channel, 'k');
    expect([repeat.status, repeat.body.deliveries]).toEqual([status, 1]);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, channel, [repeat.body.id], [sink]);
    expect(sink.ids).toHaveLength(1);
  });

  it('or frozen between taking a key and COMMIT, holds up the repeat, which gets its id when it thaws', async () => {
    const sink = await channelWithOne('frozen-commit');
    const ingest = await throughProxy();
    const caught = proxy.catchStatement(commitOf(ACCEPT));
    const first = publish('frozen-commit', 'k');
    const commit = await caught;
    ingest.signal('SIGSTOP');
    cluster.ingest = plain!;
    const repeat = publish('frozen-commit', 'k');
    expect(await Promise.race([repeat, meanwhile(1_000)])).toBeUndefined();
    ingest.signal('SIGCONT');
    commit.pass();
    expect([(await first).status, (await repeat).status]).toEqual([201, 200]);
    expect((await repeat).body.id).toBe((await first).body.id);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'frozen-commit', [(await first).body.id], [sink]);
    expect(sink.ids).toHaveLength(1);
  });

  it('after the answer and before anybody was nudged: dispatchers find the message by themselves', async () => {
    const sink = await channelWithOne('no-nudge');
    const id = await cluster.publish('no-nudge', 'x');
    await cluster.ingest.kill();
    await startPatientDispatcher();
    await eventually(() => sink.ids.includes(id));
    await cluster.startIngest();
    await expectAllDelivered(cluster, 'no-nudge', [id], [sink]);
  });
});

describe('an ingest API that is killed while it redrives', () => {
  it.each([
    ['before', 'statement', 1],
    ['after', 'answer', 0],
  ] as const)('%s COMMIT: the dead letter is sent again once, by it or by the repeat', async (_when, at, left) => {
    const channel = `redrive-${at}`;
    const sink = await channelWithOne(channel, { retry: { delays: [] } });
    sink.answersStatus(500);
    const dispatcher = await startPatientDispatcher();
    const id = await cluster.publish(channel, 'x');
    await eventually(async () => (await cluster.delivery(channel, id, 'c')).status === 'dead');
    await dispatcher.kill();

    const redrive = () => cluster.api<{ count: number }>('POST', `/v1/channels/${channel}/consumers/c/dead-letters/redrive`, {});
    const ingest = await cluster.startIngest({ DATABASE_URL: proxy.url });
    const redriving = commitOf('DELETE l FROM');
    const caught = at === 'statement' ? proxy.catchStatement(redriving) : proxy.catchAnswer(redriving);
    const first = redrive().catch(() => 'broken');
    await caught;
    await ingest.kill();
    expect(await first).toBe('broken');
    cluster.ingest = plain!;
    // A dead letter that the killed process was taking is skipped until the server has undone that.
    await eventually(async () => (await deliveriesOf(cluster, channel, left === 1 ? 'dead' : 'queued')) === 1);
    if (left === 1) await eventually(async () => (await redrive()).body.count === 1);
    else expect((await redrive()).body).toEqual({ count: 0, more: false });

    sink.answersStatus(200);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, channel, [id], [sink]);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1', '2']);
  });
});

describe('a dispatcher that is killed', () => {
  const throughProxy = (): Promise<AppProcess> => cluster.startDispatcher({ DATABASE_URL: proxy.url });
  const settling = (sql: string): boolean => sql.startsWith('DELETE r FROM');
  const CLAIM = 'SET r.lease_until = NOW(3)';

  it('before the COMMIT of its claim: nothing was claimed, and another one posts at once', async () => {
    const sink = await channelWithOne('claiming');
    const first = await throughProxy();
    const claiming = proxy.catchStatement(commitOf(CLAIM));
    const id = await cluster.publish('claiming', 'x');
    await claiming;
    await first.kill();
    const second = await startPatientDispatcher();
    await expectAllDelivered(cluster, 'claiming', [id], [sink]);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1']);
    expect(log(await cluster.delivery('claiming', id, 'c'))).toEqual([[1, null]]);
    expect(await metric(second, 'posthorn_rescued_total')).toBe(0);
  });

  it('after it claimed and before it posted: another one posts after the lease, once', async () => {
    const sink = await channelWithOne('claimed');
    const first = await throughProxy();
    const claimed = proxy.catchAnswer(commitOf(CLAIM));
    const id = await cluster.publish('claimed', 'x');
    await claimed;
    expect((await cluster.delivery('claimed', id, 'c')).status).toBe('in-flight');
    await first.kill();
    const second = await startPatientDispatcher();
    await meanwhile(2_000);
    expect(sink.ids).toEqual([]);
    await expectAllDelivered(cluster, 'claimed', [id], [sink]);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['2']);
    expect(log(await cluster.delivery('claimed', id, 'c'))).toEqual([
      [1, 'lease-expired'],
      [2, null],
    ]);
    expect(await metric(second, 'posthorn_rescued_total')).toBe(1);
  });

  it('while its POSTs hang: each is sent again after the lease, and none was counted against the retry policy', async () => {
    const sink = await cluster.sink(({ headers }, response) => {
      if (headers['posthorn-attempt'] !== '1') response.end();
    });
    await cluster.channel('hanging');
    await cluster.consumer('hanging', 'c', sink.url, { retry: { delays: [] } });
    const first = await cluster.startDispatcher();
    const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => cluster.publish('hanging', `${n}`)));
    await eventually(() => sink.received.length > 0);
    await first.kill();
    const begun = sink.received.length;
    await startPatientDispatcher();
    // Whatever was not claimed yet is attempt 1 of the second dispatcher.
    sink.answers((_received, response) => void response.end());
    await expectAllDelivered(cluster, 'hanging', ids, [sink]);
    const lost = await failedAttemptsOf(cluster, 'hanging', 'lease-expired');
    expect(lost).toBeGreaterThanOrEqual(begun);
    expect(sink.received.length).toBeLessThanOrEqual(ids.length + lost);
  });

  it('after the consumer answered and before it settled: the one allowed duplicate', async () => {
    const sink = await channelWithOne('posted');
    const first = await throughProxy();
    const caught = proxy.catchStatement(settling);
    const id = await cluster.publish('posted', 'x');
    await caught;
    expect(sink.ids).toEqual([id]);
    await first.kill();
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'posted', [id], [sink]);
    expect(sink.received.map(({ headers }) => [headers['webhook-id'], headers['posthorn-attempt']])).toEqual([
      [id, '1'],
      [id, '2'],
    ]);
    expect(log(await cluster.delivery('posted', id, 'c'))).toEqual([
      [1, 'lease-expired'],
      [2, null],
    ]);
  });

  it('after it settled: nothing is delivered again', async () => {
    const sink = await channelWithOne('settled');
    const first = await throughProxy();
    const caught = proxy.catchAnswer(commitOf('DELETE r FROM'));
    const id = await cluster.publish('settled', 'x');
    await caught;
    await first.kill();
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'settled', [id], [sink]);
    expect(sink.ids).toEqual([id]);
    expect(log(await cluster.delivery('settled', id, 'c'))).toEqual([[1, null]]);
  });

  it('after it settled a failed attempt: another one makes the next attempt when it is due', async () => {
    const sink = await channelWithOne('failed', { retry: { delays: [1] } });
    sink.answers(({ headers }, response) => void response.writeHead(headers['posthorn-attempt'] === '1' ? 500 : 200).end());
    const first = await throughProxy();
    const caught = proxy.catchAnswer(commitOf('INSERT INTO retry'));
    const id = await cluster.publish('failed', 'x');
    await caught;
    await first.kill();
    expect((await cluster.delivery('failed', id, 'c')).status).toBe('retry-delivery');
    await startPatientDispatcher();
    await expectAllDelivered(cluster, 'failed', [id], [sink]);
    expect(sink.ids).toHaveLength(2);
    expect(log(await cluster.delivery('failed', id, 'c'))).toEqual([
      [1, 'http-status'],
      [2, null],
    ]);
  });

  it.each([
    ['before', 'statement'],
    ['after', 'answer'],
  ] as const)('%s the COMMIT that makes a retry ready: it is attempted once more, once', async (_when, at) => {
    const channel = `promote-${at}`;
    const sink = await channelWithOne(channel, { retry: { delays: [0.2] } });
    sink.answers(({ headers }, response) => void response.writeHead(headers['posthorn-attempt'] === '1' ? 500 : 200).end());
    const first = await throughProxy();
    const promoting = commitOf('DELETE q FROM');
    const caught = at === 'statement' ? proxy.catchStatement(promoting) : proxy.catchAnswer(promoting);
    const id = await cluster.publish(channel, 'x');
    await caught;
    await first.kill();
    expect(sink.ids).toHaveLength(1);
    await startPatientDispatcher();
    await expectAllDelivered(cluster, channel, [id], [sink]);
    expect(sink.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1', '2']);
  });

  it('or cut off while it settles: what was written stands, and it goes on', async () => {
    const sink = await channelWithOne('cut-settle');
    const dispatcher = await throughProxy();
    const caught = proxy.catchAnswer(commitOf('DELETE r FROM'));
    const id = await cluster.publish('cut-settle', 'x');
    (await caught).cut();
    const next = await cluster.publish('cut-settle', 'y');
    await expectAllDelivered(cluster, 'cut-settle', [id, next], [sink]);
    expect(sink.ids).toHaveLength(2);
    await eventually(async () => (await metric(dispatcher, 'posthorn_in_flight')) === 0);
  });

  it('in the middle of a fan-out to 3000 consumers: the next one goes on where the cursor stands', async () => {
    const sink = await cluster.sink();
    await cluster.channel('wide');
    await registerMany(cluster, 'wide', 3_000, sink.url);
    const first = await throughProxy();
    let moves = 0;
    const second = proxy.catchStatement((sql) => sql.startsWith('UPDATE fanout SET after_consumer_id') && ++moves === 2);
    const id = await cluster.publish('wide', 'x');
    await second;
    await first.kill();
    expect(await cluster.ok('GET', `/v1/channels/wide/messages/${id}`)).toMatchObject({ status: 'acknowledged' });
    await eventually(async () => (await deliveriesOf(cluster, 'wide')) === 1_000);
    await startPatientDispatcher();
    await eventually(() => cluster.idle(), 40_000, 100);
    expect(await cluster.ok('GET', `/v1/channels/wide/messages/${id}`)).toMatchObject({ status: 'out-for-delivery' });
    expect(await deliveriesOf(cluster, 'wide', 'delivered')).toBe(3_000);
    expect(await deliveriesOf(cluster, 'wide')).toBe(3_000);
    expect(new Set(sink.received.map(({ headers }) => headers['posthorn-consumer'])).size).toBe(3_000);
    expect(sink.received.length).toBeLessThanOrEqual(3_000 + (await failedAttemptsOf(cluster, 'wide')));
  });
});

describe('a scheduler that is killed while it leads', () => {
  it('is followed within its lease, and what was left meanwhile is repaired', async () => {
    const schedulers = [await cluster.startScheduler(), await cluster.startScheduler()];
    const leader = await eventually(async () => {
      const leads = await Promise.all(schedulers.map((one) => metric(one, 'posthorn_leader')));
      return leads.reduce((sum, one) => sum + one, 0) === 1 && schedulers[leads.indexOf(1)]!;
    });
    const follower = schedulers.find((one) => one !== leader)!;
    await leader.kill();
    const killedAt = performance.now();
    await cluster.startIngest({ INLINE_FANOUT: '1' });
    await cluster.channel('left');
    for (const name of ['a', 'b']) await cluster.consumer('left', name, (await cluster.sink()).url);
    const id = await cluster.publish('left', 'x');
    expect(await cluster.ok('GET', `/v1/channels/left/messages/${id}`)).toMatchObject({ status: 'acknowledged' });
    await eventually(async () => (await metric(follower, 'posthorn_leader')) === 1, 21_000, 100);
    expect(performance.now() - killedAt).toBeLessThan(21_000);
    await eventually(async () => {
      const { status } = await cluster.ok<{ status: string }>('GET', `/v1/channels/left/messages/${id}`);
      return status === 'out-for-delivery';
    });
    expect(await deliveriesOf(cluster, 'left', 'queued')).toBe(2);
  });
});
