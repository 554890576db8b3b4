import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';

interface Tested {
  message: string;
  status: string;
  attempts: number;
  attemptLog: { number: number; httpCode: number | null; errorClass: string | null; response: string | null; durationMs: number }[];
}

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.channel('c');
});
afterAll(() => cluster?.stop());

const test = (name: string, body?: object, waitMs = 20_000) =>
  cluster.api<Tested>('POST', `/v1/channels/c/consumers/${name}/test?waitMs=${waitMs}`, body);

it('goes the way of every message to this consumer alone, past its filter, and answers with the attempt', async () => {
  const sink = await cluster.sink();
  const other = await cluster.sink();
  await cluster.consumer('c', 'good', sink.url, { filter: { types: ['nothing'] } });
  await cluster.consumer('c', 'other', other.url);
  const payload = { total: 1, text: 'ü' };
  const answer = await test('good', { type: 'order.paid', payload, headers: { 'X-Region': 'eu' } });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ status: 'delivered', attempts: 1, attemptLog: [{ number: 1, httpCode: 200, errorClass: null }] });
  expect(answer.headers.get('location')).toBe(`/v1/channels/c/messages/${answer.body.message}/deliveries/good`);
  expect(sink.received).toHaveLength(1);
  const [{ headers, body }] = sink.received as [(typeof sink.received)[0]];
  expect(headers).toMatchObject({
    'posthorn-test': 'true',
    'posthorn-type': 'order.paid',
    'x-region': 'eu',
    'content-type': 'application/json',
    'webhook-id': answer.body.message,
    'webhook-signature': expect.stringMatching(/^v1,/),
  });
  expect(JSON.parse(body.toString())).toEqual(payload);

  const bytes = Buffer.from([0, 255, 10]);
  expect((await test('good', { payloadBase64: bytes.toString('base64') })).status).toBe(200);
  expect(sink.received[1]!.body).toEqual(bytes);
  expect((await test('good')).status).toBe(200);
  expect(JSON.parse(sink.received[2]!.body.toString())).toMatchObject({ test: true });
  expect(other.received).toEqual([]);
});

it.each([500, 410])('a test that is answered %s is over: no retry, no dead letter, and the consumer goes on', async (status) => {
  const sink = await cluster.sink();
  sink.answersStatus(status);
  const name = `bad-${status}`;
  await cluster.consumer('c', name, sink.url, { retry: { delays: [0, 0] } });
  const answer = await test(name);
  expect(answer.body).toMatchObject({ status: 'dead', attempts: 1, attemptLog: [{ httpCode: status, response: `status ${status}` }] });
  expect(sink.received).toHaveLength(1);
  expect((await cluster.ok<{ items: unknown[] }>('GET', `/v1/channels/c/consumers/${name}/dead-letters`)).items).toEqual([]);
  expect(await cluster.ok('GET', `/v1/channels/c/consumers/${name}`)).toMatchObject({ disabled: false });
  await eventually(() => cluster.idle());
});

it('answers at once unless it is to wait, and in time while the consumer hangs', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const sink = await cluster.sink(async (_received, response) => {
    await held;
    response.end();
  });
  await cluster.consumer('c', 'slow', sink.url);
  const at = await test('slow', {}, 0);
  expect(at.status).toBe(202);
  expect((await test('slow', {}, 200)).status).toBe(202);
  release!();
  await eventually(async () => (await cluster.delivery('c', at.body.message, 'slow')).status === 'delivered');
});

it('refuses what would not be posted, and what is wrong', async () => {
  await cluster.consumer('c', 'held', 'http://127.0.0.1:9/');
  await cluster.ok('POST', '/v1/channels/c/consumers/held/pause');
  await cluster.consumer('c', 'off', 'http://127.0.0.1:9/', { disabled: true });
  await cluster.ok('PUT', '/v1/channels/c/consumers/puller', { type: 'pull' });
  for (const name of ['held', 'off', 'puller']) {
    const answer = await cluster.api<{ code: string }>('POST', `/v1/channels/c/consumers/${name}/test`);
    expect([name, answer.status, answer.body.code]).toEqual([name, 409, 'conflict']);
  }
  expect((await test('nobody')).status).toBe(404);
  const wrong = [
    { type: 'ü' },
    { headers: { 'posthorn-test': 'x' } },
    { payload: 'x', payloadBase64: 'eA==' },
    { contentType: 'ü' },
    { nope: 1 },
  ];
  for (const body of wrong) expect([body, (await test('held', body)).status]).toEqual([body, 400]);
  expect((await test('held', {}, 20_001)).status).toBe(400);
});
