import { FAN_OUT_STEP } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { registerMany } from './support/many-consumers.js';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster?.stop());

const json = { 'content-type': 'application/json' };

/** Publishes and says how many deliveries the answer promised. */
const publish = (channel: string, payload: string, headers: Record<string, string> = {}): Promise<{ id: string; deliveries: number }> =>
  cluster.ok('POST', `/v1/channels/${channel}/messages`, payload, { ...json, ...headers });

const consumersOf = async (id: string): Promise<string[]> => {
  const rows = await cluster.database.query<{ name: string }[]>(
    'SELECT c.name FROM delivery d JOIN consumer c ON c.id = d.consumer_id WHERE d.message_id = ? ORDER BY c.name',
    [id],
  );
  return rows.map(({ name }) => name);
};

it('delivers to those whose filter matches by type, header or body, and to nobody else', async () => {
  const sink = await cluster.sink();
  await cluster.channel('shop');
  await cluster.consumer('shop', 'all', sink.url);
  await cluster.consumer('shop', 'body', sink.url, { filter: { body: { total: [{ numeric: ['>', 100] }] } } });
  await cluster.consumer('shop', 'header', sink.url, { filter: { headers: { 'X-Region': ['eu'] } } });
  await cluster.consumer('shop', 'orders', sink.url, { filter: { types: ['order.*', 'invoice.paid'] } });

  const order = await publish('shop', '{"total": 120}', { 'posthorn-type': 'order.made' });
  expect(order.deliveries).toBe(3);
  expect(await consumersOf(order.id)).toEqual(['all', 'body', 'orders']);
  const text = await publish('shop', 'no JSON', { 'posthorn-type': 'other', 'posthorn-header-x-region': 'eu' });
  expect(await consumersOf(text.id)).toEqual(['all', 'header']);
  const large = await publish('shop', JSON.stringify({ total: 1, more: 'x'.repeat(300_000) }), { 'posthorn-type': 'other' });
  expect(await consumersOf(large.id)).toEqual(['all', 'body']);

  await eventually(() => cluster.idle());
  const seen = sink.received.map(({ headers }) => [headers['webhook-id'], headers['posthorn-consumer']].join(' '));
  expect(seen.toSorted()).toEqual(
    [
      ...['all', 'body', 'orders'].map((name) => `${order.id} ${name}`),
      `${text.id} all`,
      `${text.id} header`,
      `${large.id} all`,
      `${large.id} body`,
    ].toSorted(),
  );
});

it('says 0 when a message matches nobody, and again when it is repeated', async () => {
  await cluster.channel('narrow');
  await cluster.consumer('narrow', 'one', 'http://127.0.0.1:9/', { filter: { types: ['a'] } });
  const first = await publish('narrow', '{}', { 'posthorn-type': 'b', 'idempotency-key': 'k' });
  expect(first.deliveries).toBe(0);
  expect(await publish('narrow', '{}', { 'posthorn-type': 'b', 'idempotency-key': 'k' })).toMatchObject({ id: first.id, deliveries: 0 });
});

it('obeys a changed filter with the very next message, in every ingest process', async () => {
  const first = cluster.ingest;
  const second = await cluster.startIngest();
  const through = async (process: typeof first): Promise<number> => {
    cluster.ingest = process;
    return (await publish('moving', '{}', { 'posthorn-type': 'a' })).deliveries;
  };
  const filter = (settings: Record<string, unknown>): Promise<string> => cluster.consumer('moving', 'one', 'http://127.0.0.1:9/', settings);
  await cluster.channel('moving');
  await filter({ disabled: true });
  expect([await through(first), await through(second)]).toEqual([1, 1]);
  await filter({ disabled: true, filter: { types: ['b'] } });
  expect([await through(first), await through(second)]).toEqual([0, 0]);
  await filter({ disabled: true, filter: { types: ['a'] } });
  expect([await through(first), await through(second)]).toEqual([1, 1]);
  await filter({ disabled: true, filter: null });
  expect([await through(second), await through(first)]).toEqual([1, 1]);
  await second.stop();
  cluster.ingest = first;
});

it('asks the filters of a large channel when it fans out, step by step', async () => {
  await cluster.channel('large');
  const count = FAN_OUT_STEP + 200;
  await registerMany(cluster, 'large', count, 'http://127.0.0.1:9/');
  const [{ id: channelId }] = await cluster.database.query<[{ id: number }]>(`SELECT id FROM channel WHERE name = 'large'`);
  await cluster.database.query(`UPDATE consumer SET paused_at = NOW(3), filter = IF(name IN ('c0', 'c7', ?), ?, ?) WHERE channel_id = ?`, [
    `c${count - 1}`,
    '{"body": {"n": [1]}}',
    '{"types": ["other"]}',
    channelId,
  ]);
  const { id, deliveries } = await publish('large', '{"n": 1}', { 'posthorn-type': 'x' });
  expect(deliveries).toBe(count);
  await eventually(async () => {
    const message = await cluster.ok<{ status: string }>('GET', `/v1/channels/large/messages/${id}`);
    return message.status === 'out-for-delivery';
  });
  expect(await consumersOf(id)).toEqual(['c0', `c${count - 1}`, 'c7']);
});

it('delivers what a filter cannot be judged for, and counts it', async () => {
  await cluster.channel('odd');
  await cluster.consumer('odd', 'one', 'http://127.0.0.1:9/', { disabled: true, filter: { types: ['a'] } });
  await cluster.database.query(
    `UPDATE consumer c JOIN channel h ON h.id = c.channel_id SET c.filter = '{"of": "another version"}', h.audience_version = h.audience_version + 1 WHERE h.name = 'odd'`,
  );
  expect((await publish('odd', '{}')).deliveries).toBe(1);
  const metrics = await (await fetch(`${cluster.ingest.opsUrl}/metrics`)).text();
  expect(metrics).toContain('posthorn_filters_unjudged_total{reason="unreadable"} 1');
});

it('shows a filter as it was put, and refuses a wrong one by its place', async () => {
  const filter = { types: ['a.*'], $or: [{ body: { b: [{ 'anything-but': [1, 2] }] } }, { headers: { 'X-A': [{ exists: false }] } }] };
  await cluster.channel('shown');
  await cluster.consumer('shown', 'one', 'http://127.0.0.1:9/', { filter });
  const path = '/v1/channels/shown/consumers/one';
  expect(await cluster.ok('GET', path)).toMatchObject({ filter });
  const refused = await cluster.api<{ code: string; errors: { field: string }[] }>('PUT', path, {
    url: 'http://127.0.0.1:9/',
    filter: { types: ['a'], body: { a: [{ regex: '(a+)+' }], b: 'x' }, where: 1 },
  });
  expect(refused.status).toBe(400);
  expect(refused.body.code).toBe('validation-failed');
  expect(refused.body.errors.map(({ field }) => field)).toEqual(['filter.body.a.0.regex', 'filter.body.b', 'filter.where']);
  for (const wrong of ['x', 1, [], {}, true]) {
    expect((await cluster.api('PUT', path, { url: 'http://127.0.0.1:9/', filter: wrong })).status).toBe(400);
  }
});

it('tries a filter without sending anything', async () => {
  const path = '/v1/channels/tried/consumers/one/filter/test';
  await cluster.channel('tried');
  await cluster.consumer('tried', 'one', 'http://127.0.0.1:9/', { filter: { types: ['a.*'] } });
  expect(await cluster.ok('POST', path, { message: { type: 'a.b' } })).toEqual({ matches: true, unjudged: null });
  expect(await cluster.ok('POST', path, { message: { type: 'b' } })).toEqual({ matches: false, unjudged: null });
  const filter = { body: { total: [{ numeric: ['>', 100] }] }, headers: { 'x-region': ['eu'] } };
  const headers = { 'X-Region': 'eu' };
  expect(await cluster.ok('POST', path, { filter, message: { headers, payload: { total: 101 } } })).toMatchObject({ matches: true });
  expect(await cluster.ok('POST', path, { filter, message: { headers, payload: '{"total": 1}' } })).toMatchObject({ matches: false });
  const payloadBase64 = Buffer.from('{"total": 200}').toString('base64');
  expect(await cluster.ok('POST', path, { filter, message: { headers, payloadBase64 } })).toMatchObject({ matches: true });
  expect((await cluster.api('POST', path, { filter: { nope: 1 }, message: { type: 'a' } })).status).toBe(400);
  expect((await cluster.api('POST', path, { filter })).status).toBe(400);
  expect((await cluster.api('POST', path, { message: { type: 'a', nope: 1 } })).status).toBe(400);
  const [row] = await cluster.database.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM message m JOIN channel h ON h.id = m.channel_id WHERE h.name = 'tried'`,
  );
  expect(Number(row!.n)).toBe(0);
});
