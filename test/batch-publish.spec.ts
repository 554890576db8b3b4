import { Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { registerMany } from './support/many-consumers.js';
import { deliveriesOf, messagesOf } from './support/outcome.js';

interface Result {
  id: string;
  status: string;
  deliveries: number;
  problem?: { code: string; field?: string; status: number; errors?: { field: string; message: string }[] };
}
interface Answer {
  results: Result[];
  code: string;
  field?: string;
  detail: string;
  errors: { field: string; message: string }[];
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({}, { MAX_BODY_BYTES: '100000', PUBLISH_BATCH_MESSAGES: '1500' });
});
afterAll(() => cluster?.stop());

const path = (channel: string, query = ''): string => `/v1/channels/${channel}/messages/batch${query}`;
const json = { 'content-type': 'application/json' };
const lines = { 'content-type': 'application/x-ndjson' };
const send = (channel: string, items: unknown, query = '') => cluster.api<Answer>('POST', path(channel, query), items);
const sendText = (channel: string, text: string | Uint8Array, headers: Record<string, string> = json, query = '') =>
  cluster.api<Answer>('POST', path(channel, query), text, headers);
const payloadOf = async (channel: string, id: string): Promise<Buffer> => {
  const response = await fetch(`${cluster.url}/v1/channels/${channel}/messages/${id}/payload`, {
    headers: { authorization: 'Bearer test-admin-key-0123456789' },
  });
  return Buffer.from(await response.arrayBuffer());
};
const fieldsOf = (answer: { body: Answer }): string[] => answer.body.errors.map(({ field }) => field);

describe('a batch', () => {
  it('is delivered item by item, with what each says of itself', async () => {
    const sink = await cluster.sink();
    await cluster.channel('all');
    await cluster.consumer('all', 'c', sink.url);
    const { status, body } = await send('all', [
      { payload: { order: 1 }, type: 'order.paid', priority: 7, key: 'k1', headers: { 'X-Region': 'eu' } },
      { payload: 'plain', contentType: 'text/plain' },
      { payloadBase64: Buffer.from([0, 255, 1, 254]).toString('base64'), contentType: 'application/octet-stream' },
      { payload: 'text of JSON' },
      { payload: null, contentType: 'application/vnd.x+json; v=1' },
    ]);
    expect(status).toBe(201);
    expect(body.results.map(({ status: one, deliveries }) => [one, deliveries])).toEqual(
      Array.from({ length: 5 }, () => ['out-for-delivery', 1]),
    );
    await eventually(() => sink.received.length === 5);
    const seen = body.results.map(({ id }) => sink.received.find(({ headers }) => headers['webhook-id'] === id)!);
    expect(seen.map(({ body: bytes, headers }) => [bytes.toString('latin1'), headers['content-type']])).toEqual([
      ['{"order":1}', 'application/json'],
      ['plain', 'text/plain'],
      ['\u0000ÿ\u0001þ', 'application/octet-stream'],
      ['"text of JSON"', 'application/json'],
      ['null', 'application/vnd.x+json; v=1'],
    ]);
    expect(seen[0]!.headers).toMatchObject({ 'posthorn-type': 'order.paid', 'posthorn-priority': '7', 'x-region': 'eu' });
    expect(await cluster.ok('GET', `/v1/channels/all/messages/${body.results[0]!.id}`)).toMatchObject({ key: 'k1', priority: 7 });
  });

  it('passes JSON on byte for byte as it was written, however deep, long or oddly named', async () => {
    await cluster.channel('bytes');
    const deep = '['.repeat(40_000) + ']'.repeat(40_000);
    const written = [
      '{ "b" : 1.0,\n\t"a":12345678901234567890.10 , "a" : "\\u00e9é😀" }',
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
      deep,
      '-0',
      '"\\ud800"',
    ];
    const array = `[ ${written.map((text) => `{"payload" :${text} }`).join(' ,\n')} ]`;
    const ofArray = await sendText('bytes', array);
    const ofLines = await sendText('bytes', written.map((text) => `{"payload":${text.replaceAll('\n', ' ')}}\r\n\n`).join(''), lines);
    expect([ofArray.status, ofLines.status]).toEqual([201, 201]);
    for (const [n, { id }] of ofArray.body.results.entries()) expect((await payloadOf('bytes', id)).toString()).toBe(written[n]);
    for (const [n, { id }] of ofLines.body.results.entries())
      expect((await payloadOf('bytes', id)).toString()).toBe(written[n]!.replaceAll('\n', ' '));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect((await cluster.publish('bytes', 'still works')).length).toBeGreaterThan(0);
  });

  it('of which one item is bad stores nothing, and says what is wrong with each', async () => {
    await cluster.channel('refused');
    const good = { payload: 1, idempotencyKey: 'good' };
    const answer = await sendText(
      'refused',
      JSON.stringify([
        good,
        { payload: 1, priority: 10, type: 'a b', nothing: 1 },
        { contentType: 'text/plain', payload: { a: 1 } },
        { payload: 1, payloadBase64: 'AA==' },
        {},
        7,
        { payloadBase64: 'A', idempotencyKey: '', key: 'ä', headers: { 'webhook-id': '1', ok: 'ü', bad: 'a\nb' } },
        { payload: 'x'.repeat(100_000) },
        { payload: 1, deliverAt: 'soon' },
        { payload: 1, delaySeconds: 1.5 },
        { payload: 1, delaySeconds: 1, deliverAt: '2026-01-01T00:00:00Z' },
        { payload: '\ud800', contentType: 'text/plain' },
      ]).replace('"nothing"', '"__proto__"'),
    );
    expect([answer.status, answer.body.code]).toEqual([400, 'validation-failed']);
    expect(fieldsOf(answer)).toEqual([
      'items.1.__proto__',
      'items.1.priority',
      'items.1.type',
      'items.2.payload',
      'items.3.payloadBase64',
      'items.4.payload',
      'items.5',
      'items.6.payloadBase64',
      'items.6.idempotencyKey',
      'items.6.key',
      'items.6.headers.webhook-id',
      'items.6.headers.bad',
      'items.7.payload',
      'items.8.deliverAt',
      'items.9.delaySeconds',
      'items.10.delaySeconds',
      'items.11.payload',
    ]);
    expect(answer.body.detail).toContain('items.1.priority must be a whole number from 0 to 9');
    expect(await messagesOf(cluster, 'refused')).toBe(0);
    // Its idempotency key was not taken either.
    expect((await send('refused', [{ ...good, payload: 2 }])).status).toBe(201);
  });

  it.each([
    ['no items', '[]', json, 400, 'validation-failed'],
    ['an object', '{"payload":1}', json, 400, 'validation-failed'],
    ['nothing', '', json, 400, 'malformed-json'],
    ['half an array', '[{"payload":1}', json, 400, 'malformed-json'],
    ['bytes that are not UTF-8', new Uint8Array([0x5b, 0xff, 0x5d]), json, 400, 'malformed-json'],
    ['more items than the limit', `[${'1,'.repeat(1_500)}1]`, json, 400, 'validation-failed'],
    ['no lines', '\n\n', lines, 400, 'validation-failed'],
    ['a line that is not JSON', '{"payload":1}\n{"payload":', lines, 400, 'validation-failed'],
    ['another content type', '[]', { 'content-type': 'text/csv' }, 415, 'unsupported-media-type'],
  ] as const)('of %s is refused', async (_what, text, headers, status, code) => {
    await cluster.channel('malformed');
    const answer = await sendText('malformed', text, headers);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await messagesOf(cluster, 'malformed')).toBe(0);
  });

  it('needs the right to publish there, and a channel', async () => {
    const { key } = await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'p', scopes: ['publish:mine'] });
    await cluster.channel('mine');
    const as = (channel: string) => cluster.api<Answer>('POST', path(channel), [{ payload: 1 }], {}, key);
    expect([(await as('mine')).status, (await as('other')).status]).toEqual([201, 403]);
    expect((await send('not-there', [{ payload: 1 }])).status).toBe(404);
    expect((await send('not-there', [{ payload: 1 }], '?atomic=false')).status).toBe(404);
  });
});

describe('idempotency keys of a batch', () => {
  it('make a repeated batch answer with what was stored first', async () => {
    await cluster.channel('again');
    await cluster.consumer('again', 'c', 'http://127.0.0.1:9/', { disabled: true });
    const items = Array.from({ length: 600 }, (_, n) => ({ payload: n, idempotencyKey: `k${n}` }));
    const first = await send('again', items);
    const second = await send('again', items);
    const third = await send('again', items, '?atomic=false');
    expect([first.status, second.status, third.status]).toEqual([201, 200, 200]);
    expect(second.body).toEqual(first.body);
    expect(third.body).toEqual(first.body);
    const more = await send('again', [...items.slice(0, 3), { payload: 'new', idempotencyKey: 'new' }]);
    expect(more.status).toBe(201);
    expect(more.body.results.slice(0, 3)).toEqual(first.body.results.slice(0, 3));
    expect(await messagesOf(cluster, 'again')).toBe(601);
    expect(await deliveriesOf(cluster, 'again')).toBe(601);
  });

  it('hold within one batch', async () => {
    await cluster.channel('within');
    const twice = [
      { payload: 1, idempotencyKey: 'a' },
      { payload: 2, idempotencyKey: 'b' },
      { payload: 1, idempotencyKey: 'a' },
    ];
    const { status, body } = await send('within', twice);
    expect(status).toBe(201);
    expect(body.results[2]).toEqual(body.results[0]);
    expect(await messagesOf(cluster, 'within')).toBe(2);
    const conflict = await send('within', [
      { payload: 'fresh' },
      { payload: 1, idempotencyKey: 'c' },
      { payload: 2, idempotencyKey: 'c' },
      { payload: 9, idempotencyKey: 'a' },
    ]);
    expect([conflict.status, conflict.body.code]).toEqual([409, 'idempotency-conflict']);
    expect(fieldsOf(conflict)).toEqual(['items.2.idempotencyKey', 'items.3.idempotencyKey']);
    expect(await messagesOf(cluster, 'within')).toBe(2);
  });

  it('make one message for each of many batches at the same time', async () => {
    await cluster.channel('race');
    await cluster.startIngest();
    const items = Array.from({ length: 50 }, (_, n) => ({ payload: n, idempotencyKey: `k${n}` }));
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => send('race', n % 2 === 0 ? items : items.toReversed(), n % 3 === 0 ? '?atomic=false' : '')),
    );
    const ids = answers.map(({ body }, n) => (n % 2 === 0 ? body.results : body.results.toReversed()).map(({ id }) => id));
    for (const one of ids) expect(one).toEqual(ids[0]);
    expect(await messagesOf(cluster, 'race')).toBe(50);
  });
});

describe('with atomic=false', () => {
  it('each item is stored for itself, and its result says what became of it', async () => {
    await cluster.channel('each');
    await cluster.publish('each', '1', { ...json, 'idempotency-key': 'taken' });
    const text = [
      '{"payload":1}',
      '{"payload":1,"priority":-1}',
      '{',
      '{"payload":2,"idempotencyKey":"taken"}',
      '{"payload":1,"idempotencyKey":"taken"}',
    ];
    const { status, body } = await sendText('each', text.join('\n'), lines, '?atomic=false');
    expect(status).toBe(207);
    expect(body.results.map((result) => result.problem?.code ?? result.status)).toEqual([
      'out-for-delivery',
      'validation-failed',
      'malformed-json',
      'idempotency-conflict',
      'out-for-delivery',
    ]);
    expect(body.results[1]!.problem).toMatchObject({ status: 400, field: 'items.1.priority' });
    expect(await messagesOf(cluster, 'each')).toBe(2);
    expect((await send('each', [{ payload: 1 }], '?atomic=perhaps')).status).toBe(400);
  });
});

describe('an atomic batch of more than a packet', () => {
  const large = (count: number, size: number) =>
    Array.from({ length: count }, (_, n) => ({ payloadBase64: Buffer.alloc(size, n).toString('base64'), idempotencyKey: `k${n}` }));

  it('goes to the same consumers as a whole, though one is added in its middle', async () => {
    await cluster.channel('moving');
    await cluster.consumer('moving', 'first', 'http://127.0.0.1:9/', { disabled: true });
    const proxy = await DatabaseProxy.open(cluster.test.url);
    const plain = cluster.ingest;
    const broken = await cluster.startIngest({ DATABASE_URL: proxy.url });
    let packets = 0;
    const second = proxy.catchStatement((sql) => sql.startsWith('INSERT INTO message') && ++packets === 2);
    const sending = send('moving', large(1_200, 3_000));
    const caught = await second;
    cluster.ingest = plain;
    const adding = cluster.consumer('moving', 'second', 'http://127.0.0.1:9/', { disabled: true });
    // It has to wait for the batch.
    expect(await Promise.race([adding, meanwhile(300)])).toBeUndefined();
    caught.pass();
    const { status, body } = await sending;
    expect([status, new Set(body.results.map(({ deliveries }) => deliveries))]).toEqual([201, new Set([1])]);
    await adding;
    expect([await messagesOf(cluster, 'moving'), await deliveriesOf(cluster, 'moving')]).toEqual([1_200, 1_200]);
    expect((await send('moving', [{ payload: 1 }])).body.results[0]!.deliveries).toBe(2);
    await broken.kill();
    await proxy.close();
  });

  it.each([
    ['in its middle', 'INSERT INTO message'],
    ['at its COMMIT', 'COMMIT'],
  ])('is stored not at all when the process is killed %s, and once when it is repeated', async (_when, at) => {
    const channel = `killed-${at.slice(0, 6)}`;
    await cluster.channel(channel);
    await cluster.consumer(channel, 'c', 'http://127.0.0.1:9/', { disabled: true });
    const proxy = await DatabaseProxy.open(cluster.test.url);
    const plain = cluster.ingest;
    const broken = await cluster.startIngest({ DATABASE_URL: proxy.url });
    let packets = 0;
    const second = proxy.catchStatement(at === 'COMMIT' ? commitOf('INSERT INTO message') : (sql) => sql.startsWith(at) && ++packets === 2);
    const items = large(600, 1_000);
    const sending = send(channel, items).catch(() => 'broken');
    await second;
    await broken.kill();
    expect(await sending).toBe('broken');
    cluster.ingest = plain;
    // The server undoes what the killed process had begun, which holds a shared lock of the channel's row.
    await cluster.ok('PUT', `/v1/channels/${channel}`, {});
    expect(await messagesOf(cluster, channel)).toBe(0);
    const repeat = await send(channel, items);
    expect(repeat.status).toBe(201);
    expect([await messagesOf(cluster, channel), await deliveriesOf(cluster, channel)]).toEqual([600, 600]);
    expect(await payloadOf(channel, repeat.body.results[7]!.id)).toEqual(Buffer.alloc(1_000, 7));
    await proxy.close();
  });

  it('is fanned out afterwards when its deliveries are too many for one transaction', async () => {
    const sink = await cluster.sink();
    await cluster.channel('wide');
    await registerMany(cluster, 'wide', 30, sink.url);
    await cluster.database.query(`UPDATE consumer SET disabled_at = NOW(3) WHERE url = ?`, [sink.url]);
    const { body } = await send(
      'wide',
      Array.from({ length: 700 }, (_, n) => ({ payload: n })),
    );
    expect(new Set(body.results.map(({ status, deliveries }) => `${status} ${deliveries}`))).toEqual(new Set(['acknowledged 30']));
    const { id } = body.results[0]!;
    await eventually(async () => (await cluster.ok<Result>('GET', `/v1/channels/wide/messages/${id}`)).status === 'out-for-delivery');
    expect(await cluster.database.query('SELECT COUNT(*) AS n FROM delivery WHERE message_id = ?', [id])).toEqual([{ n: '30' }]);
  });
});
