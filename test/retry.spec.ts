import type { ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { Sink } from './support/sink.js';

const QUICK = { retry: { delays: [0.05, 0.05] } };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({}, { DELIVERY_TIMEOUT_MS: '400' });
});
afterAll(() => cluster.stop());

const dead = async (channel: string, id: string) =>
  eventually(async () => {
    const found = await cluster.delivery(channel, id, 'c');
    return found.status === 'dead' && found;
  });
const delivered = async (channel: string, id: string) =>
  eventually(async () => {
    const found = await cluster.delivery(channel, id, 'c');
    return found.status === 'delivered' && found;
  });

it('tries again after a 500 until it is delivered, with the same id and a growing attempt number', async () => {
  let left = 2;
  const sink = await cluster.sink((_received, response) => void response.writeHead(left-- > 0 ? 500 : 200).end());
  await cluster.channel('flaky');
  await cluster.consumer('flaky', 'c', sink.url, QUICK);
  const id = await cluster.publish('flaky', 'x');
  const found = await delivered('flaky', id);
  expect(found.attempts).toBe(3);
  expect(sink.received.map((r) => [r.headers['webhook-id'], r.headers['posthorn-attempt']])).toEqual([
    [id, '1'],
    [id, '2'],
    [id, '3'],
  ]);
});

it.each<[what: string, errorClass: string, answer: (received: unknown, response: ServerResponse) => void | Promise<void>]>([
  ['hangs', 'timeout', () => new Promise<void>(() => undefined)],
  [
    'drips its body',
    'timeout',
    (_r: unknown, response: ServerResponse) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 50);
      response.on('close', () => clearInterval(timer));
    },
  ],
  ['resets the connection', 'connection-reset', (_r: unknown, response: ServerResponse) => void response.socket?.resetAndDestroy()],
  [
    'redirects',
    'redirect',
    (_r: unknown, response: ServerResponse) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  ],
  ['answers 404', 'http-status', (_r: unknown, response: ServerResponse) => void response.writeHead(404).end('nope')],
  [
    'answers with headers of 20 KiB',
    'invalid-response',
    (_r: unknown, response: ServerResponse) => void response.writeHead(200, { 'x-big': 'x'.repeat(20_000) }).end(),
  ],
])('buries a delivery after the last attempt when the consumer %s (%s)', async (what, errorClass, answer) => {
  const channel = what.replaceAll(' ', '-');
  const sink = await cluster.sink(answer);
  await cluster.channel(channel);
  await cluster.consumer(channel, 'c', sink.url, QUICK);
  const id = await cluster.publish(channel, 'x');
  const found = await dead(channel, id);
  expect(found.attempts).toBe(3);
  expect(found.attemptLog.map((a) => a.errorClass)).toEqual([errorClass, errorClass, errorClass]);
  const letters = await cluster.ok<{ items: { message: string; reason: string }[] }>(
    'GET',
    `/v1/channels/${channel}/consumers/c/dead-letters`,
  );
  expect(letters.items).toMatchObject([{ message: id, reason: 'attempts-exhausted' }]);
});

it('reads a large answer no further than it must, and counts it as delivered', async () => {
  const sink = await cluster.sink((_received, response) => void response.writeHead(200).end(Buffer.alloc(5_000_000)));
  await cluster.channel('large-answer');
  await cluster.consumer('large-answer', 'c', sink.url, QUICK);
  const id = await cluster.publish('large-answer', 'x');
  expect((await delivered('large-answer', id)).attempts).toBe(1);
});

it('retries refused connections, and delivers once somebody listens', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await eventually(() => holder.listening);
  const { port } = holder.address() as AddressInfo;
  await new Promise((resolve) => holder.close(resolve));
  await cluster.channel('refused');
  await cluster.consumer('refused', 'c', `http://127.0.0.1:${port}/hook`, {
    retry: { baseSeconds: 0.1, factor: 1, attempts: 100, jitter: false },
  });
  const id = await cluster.publish('refused', 'x');
  await eventually(async () => (await cluster.delivery('refused', id, 'c')).attempts >= 2);
  cluster.sinks.push(await Sink.open(undefined, port));
  const found = await delivered('refused', id);
  expect(found.attemptLog[0]!.errorClass).toBe('connection-refused');
});

it('redrives dead letters: one, by time, all; attempts go on counting', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(500);
  await cluster.channel('redrive');
  await cluster.consumer('redrive', 'c', sink.url, { retry: { delays: [] } });
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(await cluster.publish('redrive', `x${n}`));
  for (const id of ids) await dead('redrive', id);
  sink.answersStatus(200);
  const base = '/v1/channels/redrive/consumers/c/dead-letters';
  expect(await cluster.ok('POST', `${base}/redrive`, { dryRun: true })).toMatchObject({ count: 4 });
  expect(await cluster.ok('POST', `${base}/redrive`, { messages: [ids[0]] })).toMatchObject({ count: 1 });
  expect((await delivered('redrive', ids[0]!)).attempts).toBe(2);
  expect(await cluster.ok('POST', `${base}/redrive`, { to: '2020-01-01T00:00:00.000Z' })).toMatchObject({ count: 0 });
  expect(await cluster.ok('POST', `${base}/discard`, { messages: [ids[1]] })).toMatchObject({ count: 1 });
  expect(await cluster.ok('POST', `${base}/redrive`, { from: '2020-01-01T00:00:00.000Z' })).toMatchObject({ count: 2 });
  for (const id of ids.slice(2)) await delivered('redrive', id);
  expect((await cluster.delivery('redrive', ids[1]!, 'c')).status).toBe('dead');
  expect(await cluster.ok('GET', base)).toMatchObject({ items: [] });
});

it('buries at once on 410 and disables the consumer, which then holds', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(410);
  await cluster.channel('gone');
  await cluster.consumer('gone', 'c', sink.url, QUICK);
  await dead('gone', await cluster.publish('gone', 'x'));
  expect(await cluster.ok('GET', '/v1/channels/gone/consumers/c')).toMatchObject({ disabled: true, disabledReason: 'gone' });
  const held = await cluster.publish('gone', 'y');
  await meanwhile(700);
  expect((await cluster.delivery('gone', held, 'c')).status).toBe('queued');
  expect(sink.received).toHaveLength(1);
});

it('honours Retry-After up to the cap of the policy', async () => {
  let answers = 0;
  const sink = await cluster.sink(
    (_received, response) => void response.writeHead(answers++ === 0 ? 503 : 200, { 'retry-after': '1' }).end(),
  );
  await cluster.channel('later');
  await cluster.consumer('later', 'c', sink.url, { retry: { baseSeconds: 0.001, factor: 1, capSeconds: 60, attempts: 3, jitter: false } });
  await delivered('later', await cluster.publish('later', 'x'));
  const [first, second] = sink.received;
  expect(second!.at - first!.at).toBeGreaterThanOrEqual(950);
});

it('refuses a name that resolves to a blocked address when it delivers, not only when it is registered', async () => {
  const guarded = await cluster.startDispatcher({ ALLOWED_TARGETS: '127.0.0.2/32' });
  const others = cluster.processes.filter((p) => p.app === 'dispatcher' && p !== guarded);
  for (const other of others) await other.stop();
  const sink = await cluster.sink();
  await cluster.channel('blocked');
  await cluster.consumer('blocked', 'c', sink.url, QUICK);
  const found = await dead('blocked', await cluster.publish('blocked', 'x'));
  expect(found.attempts).toBe(1);
  expect(found.attemptLog[0]!.errorClass).toBe('blocked-target');
  expect(sink.received).toHaveLength(0);
  await guarded.stop();
  await cluster.startDispatcher();
});

it('one consumer that hangs does not hold up another', async () => {
  const slow = await cluster.sink(() => new Promise<void>(() => undefined));
  const healthy = await cluster.sink();
  await cluster.channel('mixed');
  await cluster.consumer('mixed', 'slow', slow.url, { timeoutMs: 30_000 });
  await cluster.consumer('mixed', 'c', healthy.url, { timeoutMs: 10_000 });
  const ids = await Promise.all(Array.from({ length: 200 }, () => cluster.publish('mixed', 'x')));
  await eventually(() => healthy.received.length === 200, 10_000);
  expect(healthy.ids.toSorted()).toEqual(ids.toSorted());
});
