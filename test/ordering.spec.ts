import { Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { registerMany } from './support/many-consumers.js';
import type { AppProcess } from './support/processes.js';
import { type Lease, Puller, pullChannel } from './support/puller.js';
import type { Answer, Sink } from './support/sink.js';

/** A lease lasts timeout + settle time + 5 s: 7 s. */
const SHORT_LEASES = { DELIVERY_TIMEOUT_MS: '1000', SETTLE_TIME_MS: '1000', DATABASE_POOL: '6' };
const ORDERED = { ordering: 'key', retry: { delays: Array.from({ length: 60 }, () => 0.05) } };

let cluster: Cluster;
let proxy: DatabaseProxy;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0, schedulers: 1 }, { ...SHORT_LEASES, INLINE_FANOUT: '3' });
});
afterAll(() => cluster.stop());

/** A busy test machine does not make its attempts time out. */
const startPatientDispatcher = (): Promise<AppProcess> => cluster.startDispatcher({ DELIVERY_TIMEOUT_MS: '15000' });
const killDispatchers = (): Promise<unknown> =>
  Promise.all(cluster.processes.filter(({ app }) => app === 'dispatcher').map((one) => one.kill()));

/** What a consumer saw of keys whose messages say `<key>/<number>`: how far each key was answered 2xx, and whatever came too early. */
class Watched {
  readonly done = new Map<string, number>();
  readonly early: string[] = [];

  /** Answers as `fails` says, and notes what comes before the one in front of it was answered 2xx. */
  answer(fails: (body: string) => boolean | Promise<boolean>): Answer {
    return async ({ body }, response) => {
      const text = body.toString();
      const [key, number] = [text.split('/')[0]!, Number(text.split('/')[1])];
      if (number > (this.done.get(key) ?? 0)) this.early.push(`${text} after ${this.done.get(key) ?? 0}`);
      const failed = await fails(text);
      if (!failed) this.done.set(key, Math.max(number + 1, this.done.get(key) ?? 0));
      response.writeHead(failed ? 500 : 200).end();
    };
  }
}

/** One after another for each key, keys at the same time. */
async function publishKeys(channel: string, keys: readonly string[], count: number, from = 0): Promise<void> {
  await Promise.all(
    keys.map(async (key) => {
      for (let n = from; n < from + count; n++) await cluster.publish(channel, `${key}/${n}`, { 'posthorn-key': key });
    }),
  );
}

const publish = (channel: string, key: string, text: string, headers: Record<string, string> = {}): Promise<string> =>
  cluster.publish(channel, text, { 'posthorn-key': key, ...headers });
const bodiesOf = (sink: Sink): string[] => sink.received.map(({ body }) => body.toString());

async function channelWithOne(name: string, answer?: Answer, settings: Record<string, unknown> = {}): Promise<Sink> {
  const sink = await cluster.sink(answer);
  await cluster.channel(name);
  await cluster.consumer(name, 'c', sink.url, { ...ORDERED, ...settings });
  return sink;
}

it('the messages of a key come one after another while dispatchers are killed and frozen and the consumer fails at random', async () => {
  const watched = new Watched();
  const keys = Array.from({ length: 8 }, (_, n) => `k${n}`);
  const slow = async (): Promise<boolean> => {
    await meanwhile(Math.random() * 20);
    return Math.random() < 0.25;
  };
  const sink = await channelWithOne('faults', watched.answer(slow));
  const dispatchers = await Promise.all([1, 2, 3].map(() => cluster.startDispatcher()));
  const half = 12;
  const progress = (count: number) => eventually(() => sink.received.length > count, 30_000);

  const first = publishKeys('faults', keys, half);
  await progress(20);
  await dispatchers[0]!.kill();
  await first;
  const second = publishKeys('faults', keys, half, half);
  await progress(60);
  dispatchers[1]!.signal('SIGSTOP');
  const frozen = performance.now();
  await cluster.startDispatcher();
  await second;
  // Past its leases, while others go on with its keys.
  await eventually(() => performance.now() - frozen > 7_500);
  dispatchers[1]!.signal('SIGCONT');

  await eventually(() => cluster.idle(), 60_000, 100);
  expect(watched.early).toEqual([]);
  expect(watched.done).toEqual(new Map(keys.map((key) => [key, 2 * half])));
  expect(await keysLeft()).toBe(0);
  await killDispatchers();
}, 120_000);

const keysLeft = async (): Promise<number> => {
  const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM key_head');
  return Number(row!.n);
};

it('what is published when a channel has shrunk does not overtake what waits for its fan-out', async () => {
  await cluster.channel('shrunk');
  const crowd = await cluster.sink();
  await registerMany(cluster, 'shrunk', 3, crowd.url);
  const watched = new Watched();
  const sink = await cluster.sink(watched.answer(() => Math.random() < 0.2));
  await cluster.consumer('shrunk', 'ordered', sink.url, ORDERED);
  const keys = ['a', 'b', 'c'];
  await publishKeys('shrunk', keys, 5);
  await cluster.ok('DELETE', '/v1/channels/shrunk/consumers/c0?force=true');
  await publishKeys('shrunk', keys, 5, 5);
  const direct = await publish('shrunk', 'd', 'd/0');
  const statusOf = async (id: string): Promise<string> =>
    (await cluster.ok<{ status: string }>('GET', `/v1/channels/shrunk/messages/${id}`)).status;
  expect(await statusOf(direct)).toBe('out-for-delivery');
  const dispatchers = [await startPatientDispatcher(), await startPatientDispatcher()];
  await publishKeys('shrunk', keys, 5, 10);
  await eventually(() => cluster.idle(), 30_000, 100);
  expect(watched.early).toEqual([]);
  expect(watched.done).toEqual(new Map([...keys.map((key) => [key, 15] as const), ['d', 1]]));
  expect(await keysLeft()).toBe(0);
  await Promise.all(dispatchers.map((one) => one.kill()));
}, 60_000);

describe('a dispatcher that is killed', () => {
  beforeEach(async () => {
    proxy = await DatabaseProxy.open(cluster.test.url);
  });
  afterEach(async () => {
    await killDispatchers();
    await proxy.close();
  });

  const settling = commitOf('UPDATE JSON_TABLE');

  it('after the consumer answered and before it settled lets nobody go: the first one comes again, and then the next', async () => {
    const sink = await channelWithOne('unsettled');
    const broken = await cluster.startDispatcher({ DATABASE_URL: proxy.url });
    const caught = proxy.catchStatement(
      (sql, transaction) => settling(sql, transaction) && transaction.some((one) => one.startsWith('DELETE r')),
    );
    for (const text of ['a', 'b', 'c']) await publish('unsettled', 'k', text);
    await caught;
    await broken.kill();
    await startPatientDispatcher();
    await eventually(() => cluster.idle(), 30_000, 100);
    expect(bodiesOf(sink)).toEqual(['a', 'a', 'b', 'c']);
  });

  it('after it settled and before it knew has let the next one go, once', async () => {
    const sink = await channelWithOne('settled');
    const broken = await cluster.startDispatcher({ DATABASE_URL: proxy.url });
    const caught = proxy.catchAnswer(
      (sql, transaction) => settling(sql, transaction) && transaction.some((one) => one.startsWith('DELETE r')),
    );
    for (const text of ['a', 'b', 'c']) await publish('settled', 'k', text);
    await caught;
    await broken.kill();
    await startPatientDispatcher();
    await eventually(() => cluster.idle(), 30_000, 100);
    expect(bodiesOf(sink)).toEqual(['a', 'b', 'c']);
  });
});

describe('with several dispatchers', () => {
  beforeAll(async () => {
    await Promise.all([startPatientDispatcher(), startPatientDispatcher()]);
  });

  it('a key whose first message is dead waits for the operator, and others do not', async () => {
    let healed = false;
    const sink = await channelWithOne(
      'blocked',
      ({ body }, response) => {
        response.writeHead(body.toString().startsWith('bad') && !healed ? 500 : 200).end();
      },
      { retry: { delays: [0.01] } },
    );
    const bad = await publish('blocked', 'k', 'bad');
    const next = await publish('blocked', 'k', 'next');
    await publish('blocked', 'other', 'other');
    await cluster.publish('blocked', 'without a key');
    const dead = () => cluster.ok<{ items: { message: string }[] }>('GET', '/v1/channels/blocked/consumers/c/dead-letters');
    await eventually(async () => (await dead()).items.length === 1 && sink.received.length === 4);
    expect((await cluster.delivery('blocked', next, 'c')).status).toBe('queued');
    const queued = await cluster.ok<{ items: { message: string }[] }>('GET', '/v1/channels/blocked/consumers/c/deliveries?status=queued');
    expect(queued.items.map(({ message }) => message)).toEqual([next]);
    const status = async () => {
      const { items } = await cluster.ok<{ items: { channel: string }[] }>('GET', '/v1/status');
      return items.find(({ channel }) => channel === 'blocked');
    };
    expect(await status()).toMatchObject({ ready: 0, waiting: 1, blockedKeys: 1, deadLetters: 1 });
    const removed = await cluster.api<{ code: string }>('DELETE', '/v1/channels/blocked/consumers/c');
    expect([removed.status, removed.body.code]).toEqual([409, 'conflict']);

    healed = true;
    await cluster.ok('POST', '/v1/channels/blocked/consumers/c/dead-letters/redrive', {});
    await eventually(() => cluster.idle());
    expect(bodiesOf(sink).slice(4)).toEqual(['bad', 'next']);
    expect((await cluster.delivery('blocked', bad, 'c')).status).toBe('delivered');
    expect(await status()).toMatchObject({ ready: 0, waiting: 0, blockedKeys: 0, deadLetters: 0 });
  });

  it('a blocked key goes on without a message that is discarded, and all that are blocked when the consumer lets them', async () => {
    const sink = await channelWithOne(
      'freed',
      ({ body }, response) => {
        response.writeHead(body.toString() === 'bad' ? 404 : 200).end();
      },
      { retry: { delays: [0.01] } },
    );
    for (const key of ['x', 'y', 'z']) for (const text of ['bad', `${key} 1`, `${key} 2`]) await publish('freed', key, text);
    const path = '/v1/channels/freed/consumers/c/dead-letters';
    const dead = await eventually(async () => {
      const { items } = await cluster.ok<{ items: { message: string }[] }>('GET', path);
      return items.length === 3 && items.map(({ message }) => message);
    });
    await cluster.ok('POST', `${path}/discard`, { messages: [dead[2]] });
    await eventually(() => bodiesOf(sink).includes('x 2'));
    await cluster.consumer('freed', 'c', sink.url, { ...ORDERED, orderingExhausted: 'dead-letter', retry: { delays: [0.01] } });
    await eventually(() => cluster.idle());
    const good = bodiesOf(sink).filter((text) => text !== 'bad');
    for (const key of ['x', 'y', 'z']) expect(good.filter((text) => text.startsWith(key))).toEqual([`${key} 1`, `${key} 2`]);
  });

  it('a message that fails in a batch holds its key alone, and a batch has no two of a key', async () => {
    const seen: string[][] = [];
    const failed = new Set<string>();
    const sink = await channelWithOne(
      'batches',
      ({ body }, response) => {
        const { messages } = JSON.parse(body.toString()) as { messages: { id: string; payload: string }[] };
        seen.push(messages.map(({ payload }) => payload));
        const failures = messages.filter(({ id }) => !failed.has(id) && Math.random() < 0.3).map(({ id }) => id);
        for (const id of failures) failed.add(id);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ failures: failures.map((id) => ({ id })) }));
      },
      { batch: { maxMessages: 5, maxWaitMs: 50 } },
    );
    await publishKeys('batches', ['a', 'b', 'c', 'd'], 6);
    await eventually(() => cluster.idle());
    for (const payloads of seen) expect(new Set(payloads.map((text) => text[0])).size).toBe(payloads.length);
    const all = seen.flat();
    for (const key of ['a', 'b', 'c', 'd']) {
      const firsts = [...new Set(all.filter((text) => text.startsWith(key)))];
      expect(firsts).toEqual(Array.from({ length: 6 }, (_, n) => `${key}/${n}`));
    }
    expect(failed.size).toBeGreaterThan(0);
    expect(sink.received.length).toBe(seen.length);
  });

  it('a channel with more consumers than are served at once keeps the order of its keys', async () => {
    await cluster.channel('large');
    const crowd = await cluster.sink();
    await registerMany(cluster, 'large', 3, crowd.url);
    const watched = new Watched();
    const sink = await cluster.sink(watched.answer(() => Math.random() < 0.2));
    await cluster.consumer('large', 'ordered', sink.url, ORDERED);
    await publishKeys('large', ['a', 'b', 'c'], 6);
    await eventually(() => cluster.idle(), 30_000);
    expect(watched.early).toEqual([]);
    expect(watched.done).toEqual(new Map(['a', 'b', 'c'].map((key) => [key, 6])));
    expect(crowd.received.length).toBe(3 * 18);
    expect(await keysLeft()).toBe(0);
  });

  it('a scheduled message takes its place in its key when it is due', async () => {
    let release = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    const sink = await channelWithOne('due', async ({ body }, response) => {
      if (body.toString() === 'first') await hanging;
      response.end();
    });
    const scheduled = await publish('due', 'k', 'scheduled', { 'posthorn-delay': '1' });
    for (const text of ['first', 'second']) await publish('due', 'k', text);
    await eventually(async () => (await cluster.delivery('due', scheduled, 'c').catch(() => undefined))?.status === 'queued');
    await publish('due', 'k', 'last');
    release();
    await eventually(() => cluster.idle());
    expect(bodiesOf(sink)).toEqual(['first', 'second', 'scheduled', 'last']);
  });

  it('a consumer that is paused, and one that asks for order no more or again, loses nothing and keeps what it was promised', async () => {
    const watched = new Watched();
    const sink = await channelWithOne(
      'switched',
      watched.answer(() => false),
    );
    await cluster.ok('POST', '/v1/channels/switched/consumers/c/pause');
    await publishKeys('switched', ['a', 'b'], 3);
    await cluster.ok('POST', '/v1/channels/switched/consumers/c/resume');
    await eventually(() => sink.received.length === 6);
    expect(watched.early).toEqual([]);

    // What waits behind a message that hangs is let go when order is not asked for any more.
    let release = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    sink.answers(async ({ body }, response) => {
      if (body.toString() === 'head') await hanging;
      response.writeHead(body.toString() === 'head' ? 500 : 200).end();
    });
    for (const text of ['head', 'one', 'two']) await publish('switched', 'k', text);
    await eventually(() => bodiesOf(sink).includes('head'));
    await cluster.consumer('switched', 'c', sink.url, { ...ORDERED, ordering: 'none' });
    await eventually(() => ['one', 'two'].every((text) => bodiesOf(sink).includes(text)));
    release();
    sink.answers((_received, response) => void response.end());
    await cluster.consumer('switched', 'c', sink.url, ORDERED);
    for (const text of ['three', 'four']) await publish('switched', 'k', text);
    await eventually(() => cluster.idle());
    const bodies = bodiesOf(sink);
    expect(bodies.lastIndexOf('three')).toBeLessThan(bodies.lastIndexOf('four'));
    expect(await keysLeft()).toBe(0);
  });

  it('a consumer that is deleted leaves nothing behind of its keys', async () => {
    await channelWithOne('deleted', (_received, response) => void response.writeHead(500).end(), { retry: { delays: [60] } });
    for (const key of ['a', 'b']) for (const text of ['1', '2', '3']) await publish('deleted', key, text);
    await cluster.ok('DELETE', '/v1/channels/deleted/consumers/c?force=true');
    await eventually(async () => (await keysLeft()) === 0);
    const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM key_waiting');
    expect(row!.n).toBe('0');
    await cluster.database.query('DELETE FROM retry');
  });

  describe('a pull consumer', () => {
    const other = async (): Promise<AppProcess> => {
      const first = cluster.ingest;
      const second = await cluster.startIngest();
      cluster.ingest = first;
      return second;
    };
    const keysOf = (leases: readonly Lease[]) => leases.map(({ message }) => message.payload);

    it('leases one message of a key at a time, from any process, and gets the next one when it has acknowledged', async () => {
      await pullChannel(cluster, 'pull', { ordering: 'key', retry: { delays: [0, 0] } });
      const second = await other();
      const [here, there] = [Puller.on(cluster.ingest, 'pull'), Puller.on(second, 'pull')];
      for (const text of ['a/1', 'a/2', 'b/1', 'a/3']) await publish('pull', text[0]!, text);
      const first = await here.lease({ max: 10 });
      expect(keysOf(first)).toEqual(['a/1', 'b/1']);
      expect(await there.lease({ max: 10, waitMs: 0 })).toEqual([]);
      const waiting = there.lease({ max: 10, waitMs: 10_000 });
      expect(await here.ack(first[0]!)).toEqual(['settled']);
      const next = await waiting;
      expect(keysOf(next)).toEqual(['a/2']);
      // It fails, and is tried again before the one behind it.
      await there.settle({ receipt: next[0]!.receipt, outcome: 'nack', delayMs: 0 });
      const again = await here.lease({ max: 10, waitMs: 10_000 });
      expect(keysOf(again)).toEqual(['a/2']);
      // A receipt that was passed on changes nothing.
      expect(await there.ack(next[0]!)).toEqual(['stale']);
      expect(await there.lease({ max: 10, waitMs: 0 })).toEqual([]);
      expect(await here.ack(again[0]!, first[1]!)).toEqual(['settled', 'settled']);
      const last = await there.lease({ max: 10, waitMs: 10_000 });
      expect(keysOf(last)).toEqual(['a/3']);
      await there.ack(last[0]!);
      expect(await cluster.idle()).toBe(true);
    });

    it('that gives a message up holds its key, or lets the next one go, as it is set', async () => {
      for (const [mode, then] of [
        ['block', []],
        ['dead-letter', ['a/2']],
      ] as const) {
        const name = `pull-${mode}`;
        await pullChannel(cluster, name, { ordering: 'key', orderingExhausted: mode });
        const puller = Puller.on(cluster.ingest, name);
        for (const text of ['a/1', 'a/2']) await publish(name, 'a', text);
        const lease = await puller.leaseOne();
        await puller.settle({ receipt: lease.receipt, outcome: 'dead', reason: 'no' });
        expect(keysOf(await puller.lease({ max: 10, waitMs: 0 }))).toEqual(then);
      }
      await cluster.ok('POST', '/v1/channels/pull-block/consumers/c/dead-letters/redrive', {});
      const puller = Puller.on(cluster.ingest, 'pull-block');
      const lease = await puller.leaseOne({ waitMs: 10_000 });
      expect([lease.message.payload, lease.attempt]).toEqual(['a/1', 2]);
      await puller.ack(lease);
      expect(keysOf(await puller.lease({ max: 10, waitMs: 10_000 }))).toEqual(['a/2']);
    });
  });
});
