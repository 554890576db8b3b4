import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

it('makes one message and one delivery of 50 concurrent repeats, all with the same id', async () => {
  const sink = await cluster.sink();
  await cluster.channel('once');
  await cluster.consumer('once', 'c', sink.url);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      cluster.api<{ id: string; deliveries: number }>('POST', '/v1/channels/once/messages', 'same', { 'idempotency-key': 'k1' }),
    ),
  );
  expect(new Set(answers.map((a) => a.body.id)).size).toBe(1);
  expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
  expect(answers.filter((a) => a.status === 200)).toHaveLength(49);
  expect(new Set(answers.map((a) => a.body.deliveries))).toEqual(new Set([1]));
  await eventually(() => cluster.idle());
  await meanwhile(300);
  expect(sink.received).toHaveLength(1);
});

it('holds across two ingest processes', async () => {
  await cluster.channel('two');
  const first = cluster.url;
  await cluster.startIngest();
  const urls = [first, cluster.url];
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      const response = await fetch(`${urls[n % 2]}/v1/channels/two/messages`, {
        method: 'POST',
        body: 'same',
        headers: { authorization: 'Bearer test-admin-key-0123456789', 'idempotency-key': 'k' },
      });
      return ((await response.json()) as { id: string }).id;
    }),
  );
  expect(new Set(answers).size).toBe(1);
});

it('refuses the key with another body, and takes it in another channel', async () => {
  await cluster.channel('a');
  await cluster.channel('b');
  const publish = (channel: string, body: string) =>
    cluster.api<{ code: string; field: string }>('POST', `/v1/channels/${channel}/messages`, body, { 'idempotency-key': 'k2' });
  expect((await publish('a', 'one')).status).toBe(201);
  const conflict = await publish('a', 'two');
  expect(conflict.status).toBe(409);
  expect(conflict.body).toMatchObject({ code: 'idempotency-conflict', field: 'Idempotency-Key' });
  expect((await publish('b', 'two')).status).toBe(201);
  expect((await publish('a', 'one')).status).toBe(200);
});
