import { systemEventTypes } from '@app/domain';
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { deliveriesOf, messagesOf } from './support/outcome.js';
import { Puller } from './support/puller.js';
import type { Sink } from './support/sink.js';

interface Told {
  type: string;
  timestamp: string;
  data: { channel: string; consumer: string } & Record<string, unknown>;
}

const EVENTS = '/v1/channels/posthorn.events';
const DEAD_AT_ONCE = { delays: [] };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 2 }, { DELIVERY_TIMEOUT_MS: '3000', SETTLE_TIME_MS: '1000' });
});
afterAll(() => cluster.stop());

/** In the order of what happened, in which they need not come. */
const tellings = (sink: Sink): Told[] =>
  sink.received
    .toSorted((a, b) => (BigInt(String(a.headers['webhook-id'])) < BigInt(String(b.headers['webhook-id'])) ? -1 : 1))
    .map(({ body }) => JSON.parse(body.toString()) as Told);
const about = (sink: Sink, channel: string): Told[] => tellings(sink).filter(({ data }) => data.channel === channel);

/** A channel with a consumer that answers `status`. */
async function channelWith(name: string, status: number, settings: Record<string, unknown> = { retry: DEAD_AT_ONCE }): Promise<Sink> {
  const sink = await cluster.sink();
  sink.answersStatus(status);
  await cluster.channel(name);
  await cluster.consumer(name, 'c', sink.url, settings);
  return sink;
}

async function subscriber(name: string, settings: Record<string, unknown> = {}): Promise<{ sink: Sink; secret: string }> {
  const sink = await cluster.sink();
  return { sink, secret: await cluster.consumer('posthorn.events', name, sink.url, settings) };
}

it('nothing is stored while nobody listens', async () => {
  await channelWith('unheard', 500);
  await cluster.publish('unheard', 'x');
  await eventually(async () => (await deliveriesOf(cluster, 'unheard', 'dead')) === 1);
  await cluster.consumer('unheard', 'c', 'http://127.0.0.1:9/', { disabled: true });
  expect(await messagesOf(cluster, 'posthorn.events')).toBe(0);
});

describe('with a subscriber', () => {
  let sink: Sink;
  let secret: string;
  beforeAll(async () => {
    ({ sink, secret } = await subscriber('all'));
  });

  it('tells of every delivery that dies, once, signed, without its payload', async () => {
    await channelWith('dying', 500, { retry: DEAD_AT_ONCE, breaker: false });
    const ids = await Promise.all(Array.from({ length: 30 }, () => cluster.publish('dying', 'a secret payload')));
    await eventually(() => about(sink, 'dying').length === 30, 30_000);
    expect(
      about(sink, 'dying')
        .map(({ data }) => String(data['message']))
        .toSorted(),
    ).toEqual(ids.toSorted());
    const [{ body, headers }] = sink.received as [Sink['received'][0]];
    expect(new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).toEqual(JSON.parse(body.toString()));
    expect([headers['posthorn-channel'], headers['posthorn-type'], headers['content-type']]).toEqual([
      'posthorn.events',
      'delivery.dead',
      'application/json',
    ]);
    expect(about(sink, 'dying')[0]).toEqual({
      type: 'delivery.dead',
      timestamp: expect.stringMatching(/^20.*Z$/),
      data: {
        channel: 'dying',
        consumer: 'c',
        message: expect.any(String),
        reason: 'attempts-exhausted',
        errorClass: 'http-status',
        httpCode: 500,
        attempts: 1,
      },
    });
    expect(sink.received.some(({ body: told }) => told.includes('secret payload'))).toBe(false);
  });

  it('tells of deliveries that pull consumers give up', async () => {
    await cluster.channel('pulled');
    await cluster.ok('PUT', '/v1/channels/pulled/consumers/c', { type: 'pull' });
    await cluster.publish('pulled', 'x');
    const puller = Puller.on(cluster.ingest, 'pulled');
    const [lease] = await puller.lease({ waitMs: 5_000 });
    await puller.settle({ receipt: lease!.receipt, outcome: 'dead', reason: 'no' });
    const [told] = await eventually(() => about(sink, 'pulled').length === 1 && about(sink, 'pulled'));
    expect(told!.data).toMatchObject({ reason: 'rejected', errorClass: 'rejected', httpCode: null });
  });

  it('tells once that a consumer is gone, however many of its deliveries say so', async () => {
    await channelWith('gone', 410);
    await Promise.all(Array.from({ length: 20 }, () => cluster.publish('gone', 'x')));
    const disabled = (): Told[] => about(sink, 'gone').filter(({ type }) => type === 'consumer.disabled');
    await eventually(() => disabled().length > 0);
    await eventually(async () => (await deliveriesOf(cluster, 'gone', 'in-flight')) === 0);
    await meanwhile(1_000);
    expect(disabled().map(({ data }) => data)).toEqual([{ channel: 'gone', consumer: 'c', reason: 'gone' }]);
  });

  it('tells what operators do, when it changes something and is not refused', async () => {
    const hook = await channelWith('steered', 200);
    const put = (settings: Record<string, unknown>, headers: Record<string, string> = {}) =>
      cluster.api('PUT', '/v1/channels/steered/consumers/c', { type: 'push', url: hook.url, ...settings }, headers);
    expect((await put({ disabled: true }, { 'if-match': '"99"' })).status).toBe(412);
    expect((await put({ disabled: true })).status).toBe(200);
    expect((await put({ disabled: true })).status).toBe(200);
    expect((await put({})).status).toBe(200);
    expect((await put({})).status).toBe(200);
    await eventually(() => about(sink, 'steered').length === 2);
    await meanwhile(1_000);
    expect(about(sink, 'steered').map(({ type, data }) => [type, data['reason'] ?? data['disabledReason']])).toEqual([
      ['consumer.disabled', 'operator'],
      ['consumer.enabled', 'operator'],
    ]);
  });

  it('warns once of a consumer that only fails, when half of the time has passed after which it is disabled', async () => {
    const settings = {
      retry: { delays: Array.from({ length: 100 }, () => 0.3) },
      breaker: false,
      disableAfterSeconds: 6,
    };
    const hook = await channelWith('troubled', 401, settings);
    const told = () => about(sink, 'troubled').map(({ type, data }) => [type, data] as const);
    const of = { channel: 'troubled', consumer: 'c' };
    const warning = ['consumer.failing', { ...of, forSeconds: expect.any(Number), disableAfterSeconds: 6 }];
    await Promise.all(Array.from({ length: 10 }, () => cluster.publish('troubled', 'x')));
    const [first] = await eventually(() => told().length > 0 && told(), 20_000);
    expect(first).toEqual(warning);
    expect(first![1]['forSeconds']).toBeGreaterThanOrEqual(3);
    await eventually(() => told().length > 1, 20_000);
    await cluster.consumer('troubled', 'c', hook.url, settings);
    await eventually(() => told().length > 3, 20_000);
    await cluster.ok('DELETE', '/v1/channels/troubled/consumers/c?force=true');
    expect(told()).toEqual([
      warning,
      ['consumer.disabled', { ...of, reason: 'failing' }],
      ['consumer.enabled', { ...of, disabledReason: 'failing' }],
      warning,
    ]);
  }, 90_000);

  it('tells when a breaker opens and closes, once', async () => {
    const hook = await channelWith('broken', 500, {
      retry: { delays: Array.from({ length: 50 }, () => 0.05) },
      maxInFlight: 2,
      breaker: { minimum: 4, openSeconds: 0.5 },
    });
    await Promise.all(Array.from({ length: 10 }, () => cluster.publish('broken', 'x')));
    const [opened] = await eventually(() => about(sink, 'broken').length === 1 && about(sink, 'broken'));
    expect([opened!.type, opened!.data]).toEqual(['breaker.opened', { channel: 'broken', consumer: 'c', reason: 'errors', openMs: 500 }]);
    hook.answersStatus(200);
    await eventually(() => about(sink, 'broken').length === 2);
    const closed = about(sink, 'broken')[1]!;
    expect([closed.type, closed.data]).toEqual([
      'breaker.closed',
      { channel: 'broken', consumer: 'c', by: 'probe', openedAt: expect.stringMatching(/^20.*Z$/) },
    ]);
    await eventually(async () => (await deliveriesOf(cluster, 'broken', 'delivered')) === 10);
    expect(about(sink, 'broken')).toHaveLength(2);
  });

  it('tells nothing of its own deliveries', async () => {
    const { sink: deaf } = await subscriber('deaf', { retry: DEAD_AT_ONCE, breaker: { minimum: 1, openSeconds: 3_600 } });
    deaf.answersStatus(500);
    const before = sink.received.length;
    await channelWith('one', 500);
    await cluster.publish('one', 'x');
    await eventually(() => about(sink, 'one').length === 1);
    await eventually(async () => (await deliveriesOf(cluster, 'posthorn.events', 'dead')) === 1);
    await cluster.consumer('posthorn.events', 'deaf', deaf.url, { disabled: true });
    await meanwhile(1_000);
    expect(sink.received).toHaveLength(before + 1);
    await cluster.ok('DELETE', `${EVENTS}/consumers/deaf?force=true`);
  });

  it('filters, and goes to pull consumers', async () => {
    await cluster.ok('PUT', `${EVENTS}/consumers/worker`, {
      type: 'pull',
      filter: { types: ['consumer.*'], body: { data: { channel: ['chosen'] } } },
    });
    await channelWith('chosen', 410);
    await cluster.publish('chosen', 'x');
    const puller = Puller.on(cluster.ingest, 'posthorn.events', 'worker');
    const leases = await eventually(async () => {
      const found = await puller.lease({ max: 10, waitMs: 1_000 });
      return found.length > 0 && found;
    });
    expect(leases).toHaveLength(1);
    await cluster.ok('DELETE', `${EVENTS}/consumers/worker?force=true`);
  });

  it('a dispatcher killed before the COMMIT of what it tells has told nothing; it is told when it has happened', async () => {
    const proxy = await DatabaseProxy.open(cluster.test.url);
    const died = (): Told[] => about(sink, 'crashed').filter(({ type }) => type === 'delivery.dead');
    const hook = await channelWith('crashed', 500, { retry: DEAD_AT_ONCE, disabled: true });
    await cluster.publish('crashed', 'x');
    const others = cluster.processes.filter(({ app, exited }) => app === 'dispatcher' && !exited);
    await Promise.all(others.map((one) => one.stop()));
    const dispatcher = await cluster.startDispatcher({ DATABASE_URL: proxy.url });
    const caught = proxy.catchStatement(commitOf('INSERT INTO dead_letter'));
    await cluster.consumer('crashed', 'c', hook.url, { retry: DEAD_AT_ONCE });
    await caught;
    await dispatcher.kill();
    await proxy.close();
    expect(died()).toEqual([]);
    await cluster.startDispatcher();
    await eventually(() => died().length > 0, 30_000);
    await eventually(async () => (await deliveriesOf(cluster, 'crashed', 'dead')) === 1);
    await meanwhile(1_000);
    expect(died()).toHaveLength(1);
    expect(hook.received).toHaveLength(2);
  });
});

describe('the channel', () => {
  const refused = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await cluster.api<{ code: string; field: string; detail: string }>(method, path, body);
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, 'validation-failed', 'channel']);
    expect(answer.body.detail).toMatch(/posthorn\./);
  };

  it('cannot be deleted or published to, and no other may have such a name', async () => {
    await refused('DELETE', EVENTS);
    await refused('DELETE', `${EVENTS}?force=true`);
    await refused('POST', `${EVENTS}/messages`, 'x');
    await refused('PUT', '/v1/channels/posthorn.mine', {});
    await refused('POST', '/v1/channels/posthorn.mine/messages', 'x');
    expect((await cluster.api('GET', EVENTS)).status).toBe(200);
  });

  it('has settings as every channel has', async () => {
    expect(await cluster.ok('PUT', EVENTS, { description: 'ours', retentionDays: 7 })).toMatchObject({
      name: 'posthorn.events',
      retentionDays: 7,
    });
    const { items } = await cluster.ok<{ items: { name: string }[] }>('GET', '/v1/channels?limit=500');
    expect(items.map(({ name }) => name)).toContain('posthorn.events');
  });

  it('asks for the rights that every channel asks for', async () => {
    const keyOf = async (...scopes: string[]): Promise<string> =>
      (await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'k', scopes })).key;
    const put = async (...scopes: string[]): Promise<number> =>
      (await cluster.api('PUT', `${EVENTS}/consumers/mine`, { type: 'pull' }, {}, await keyOf(...scopes))).status;
    expect(await put('manage:orders', 'read', 'publish:*')).toBe(403);
    expect(await put('manage:posthorn.events')).toBe(201);
    const lease = async (scope: string): Promise<number> =>
      (await cluster.api('POST', `${EVENTS}/consumers/mine/leases`, { max: 1 }, {}, await keyOf(scope))).status;
    expect([await lease('consume:posthorn.events/other'), await lease('consume:posthorn.events/mine')]).toEqual([403, 200]);
  });
});

it('every type is described', () => {
  const page = readFileSync('docs/events.md', 'utf8');
  for (const type of systemEventTypes) expect(page).toContain(`\`${type}\``);
});
