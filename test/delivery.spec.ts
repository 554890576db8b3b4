import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

it('delivers a message once to each of several consumers', async () => {
  await cluster.channel('several');
  const sinks = await Promise.all([cluster.sink(), cluster.sink(), cluster.sink()]);
  for (const [n, sink] of sinks.entries()) await cluster.consumer('several', `c${n}`, sink.url);
  const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => cluster.publish('several', `message ${n}`)));
  await eventually(() => cluster.idle());
  await meanwhile(300);
  for (const sink of sinks) expect(sink.ids.toSorted()).toEqual(ids.toSorted());
  const message = await cluster.ok<{ status: string; deliveries: { status: string; attempts: number }[] }>(
    'GET',
    `/v1/channels/several/messages/${ids[0]}`,
  );
  expect(message.status).toBe('out-for-delivery');
  expect(message.deliveries.map((d) => [d.status, d.attempts])).toEqual([
    ['delivered', 1],
    ['delivered', 1],
    ['delivered', 1],
  ]);
});

it.each([
  ['binary', randomBytes(5_000), 'application/octet-stream'],
  ['empty', Buffer.alloc(0), 'text/plain'],
  ['1 MiB', randomBytes(1_048_576), 'image/png'],
  ['UTF-8', Buffer.from('{"name":"Zoë 🦄","e":"\u0301"}'), 'application/json; charset=utf-8'],
  ['invalid JSON', Buffer.from('{"a":'), 'application/json'],
])('delivers a %s payload byte for byte, with its content type', async (name, payload, contentType) => {
  const channel = `bytes-${name.replaceAll(' ', '-')}`;
  const sink = await cluster.sink();
  await cluster.channel(channel);
  await cluster.consumer(channel, 'c', sink.url);
  const id = await cluster.publish(channel, payload, { 'content-type': contentType });
  const received = await eventually(() => sink.received[0] ?? false);
  expect(received.body.equals(payload)).toBe(true);
  expect(received.headers['content-type']).toBe(contentType);
  expect(received.headers['content-length']).toBe(String(payload.length));
  const stored = await fetch(`${cluster.url}/v1/channels/${channel}/messages/${id}/payload`, {
    headers: { authorization: 'Bearer test-admin-key-0123456789' },
  });
  expect(Buffer.from(await stored.arrayBuffer()).equals(payload)).toBe(true);
  expect(stored.headers.get('content-type')).toBe(contentType);
});

it('signs so that the standardwebhooks package verifies it, and says what is delivered', async () => {
  const sink = await cluster.sink();
  await cluster.channel('signed');
  const secret = await cluster.consumer('signed', 'c', sink.url, { headers: { 'x-static': 'yes' } });
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const id = await cluster.publish('signed', '{"a":1}', {
    'content-type': 'application/json',
    'posthorn-type': 'order.created',
    'posthorn-priority': '3',
    'posthorn-header-x-own': 'mine',
    traceparent,
  });
  const { headers, body } = await eventually(() => sink.received[0] ?? false);
  expect(new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).toEqual({ a: 1 });
  expect(() => new Webhook(secret).verify(body.toString().replace('1', '2'), headers as Record<string, string>)).toThrow();
  expect(headers).toMatchObject({
    'webhook-id': id,
    'posthorn-channel': 'signed',
    'posthorn-consumer': 'c',
    'posthorn-attempt': '1',
    'posthorn-priority': '3',
    'posthorn-type': 'order.created',
    'x-own': 'mine',
    'x-static': 'yes',
    traceparent,
  });
});

it('gives a new consumer the very next message and none before', async () => {
  const sink = await cluster.sink();
  await cluster.channel('fresh');
  await cluster.publish('fresh', 'before');
  for (let round = 0; round < 10; round++) {
    await cluster.consumer('fresh', `c${round}`, sink.url);
    const id = await cluster.publish('fresh', `round ${round}`);
    const message = await cluster.ok<{ deliveries: { consumer: string }[] }>('GET', `/v1/channels/fresh/messages/${id}`);
    expect(message.deliveries.map((d) => d.consumer)).toContain(`c${round}`);
  }
  await eventually(() => cluster.idle());
  expect(sink.received.map((r) => r.body.toString())).not.toContain('before');
  expect(sink.received).toHaveLength(55);
});

it('delivers in order of priority within a lane', async () => {
  const sink = await cluster.sink();
  await cluster.channel('priority');
  await cluster.consumer('priority', 'c', sink.url, { maxInFlight: 1 });
  await cluster.ok('POST', '/v1/channels/priority/consumers/c/pause');
  for (const priority of [0, 5, 9, 1, 5, 0, 9]) await cluster.publish('priority', 'x', { 'posthorn-priority': String(priority) });
  await cluster.ok('POST', '/v1/channels/priority/consumers/c/resume');
  await eventually(() => sink.received.length === 7);
  expect(sink.received.map((r) => r.headers['posthorn-priority'])).toEqual(['9', '9', '5', '5', '1', '0', '0']);
});

it('fans out to a channel with more consumers than the inline limit', async () => {
  const sink = await cluster.sink();
  await cluster.channel('wide');
  for (let n = 0; n < 120; n++) await cluster.consumer('wide', `c${n}`, sink.url);
  const answer = await cluster.ok<{ id: string; status: string; deliveries: number }>('POST', '/v1/channels/wide/messages', 'x');
  expect(answer).toMatchObject({ status: 'acknowledged', deliveries: 120 });
  await eventually(() => sink.received.length >= 120);
  await eventually(() => cluster.idle());
  expect(new Set(sink.received.map((r) => r.headers['posthorn-consumer'])).size).toBe(120);
  expect(sink.received).toHaveLength(120);
  expect(await cluster.ok('GET', `/v1/channels/wide/messages/${answer.id}`)).toMatchObject({ status: 'out-for-delivery' });
});

it('says that nobody listens', async () => {
  await cluster.channel('empty');
  expect(await cluster.ok('POST', '/v1/channels/empty/messages', 'x')).toMatchObject({ status: 'out-for-delivery', deliveries: 0 });
});
