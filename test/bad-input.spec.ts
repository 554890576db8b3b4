import { connect } from 'node:net';
import { Cluster } from './support/cluster.js';

interface ProblemBody {
  code: string;
  status: number;
  field?: string;
  detail: string;
  requestId: string;
}

let cluster: Cluster;
let publisherKey: string;

beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { MAX_BODY_BYTES: '1000', PUBLISH_BATCH_BYTES: '2000', REQUEST_TIMEOUT_MS: '2000' });
  await cluster.channel('orders');
  await cluster.consumer('orders', 'c', 'http://127.0.0.1:9/');
  publisherKey = (await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'p', scopes: ['publish:orders'] })).key;
});
afterAll(() => cluster.stop());
afterEach(async () => {
  // Whatever was refused has left nothing behind.
  const [row] = await cluster.database.query<{ n: string }[]>(
    'SELECT (SELECT COUNT(*) FROM message) + (SELECT COUNT(*) FROM delivery) + (SELECT COUNT(*) FROM ready) + (SELECT COUNT(*) FROM idempotency) + (SELECT COUNT(*) FROM scheduled) AS n',
  );
  expect(row!.n).toBe('0');
});

const publish = (headers: Record<string, string>, body: string | Uint8Array = 'x', key: string | null = publisherKey, channel = 'orders') =>
  cluster.api<ProblemBody>('POST', `/v1/channels/${channel}/messages`, body, headers, key);

/** Sends bytes as they are and answers what came back until the server closed. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(cluster.url).port), '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('end', () => resolve(answer)).on('error', reject);
    socket.on('close', () => resolve(answer));
  });

describe('publishing refuses, names the field and the limit, and stores nothing:', () => {
  it.each([
    ['an idempotency key of 256 characters', { 'idempotency-key': 'k'.repeat(256) }, 'Idempotency-Key', '255'],
    ['an empty idempotency key', { 'idempotency-key': '' }, 'Idempotency-Key', '255'],
    ['an idempotency key that is not ASCII', { 'idempotency-key': 'ké' }, 'Idempotency-Key', 'ASCII'],
    ['priority 10', { 'posthorn-priority': '10' }, 'Posthorn-Priority', '0 to 9'],
    ['priority high', { 'posthorn-priority': 'high' }, 'Posthorn-Priority', '0 to 9'],
    ['a type with a blank', { 'posthorn-type': 'a b' }, 'Posthorn-Type', '200'],
    ['a type of 201 characters', { 'posthorn-type': 't'.repeat(201) }, 'Posthorn-Type', '200'],
    ['an ordering key of 201 characters', { 'posthorn-key': 'k'.repeat(201) }, 'Posthorn-Key', '200'],
    ['a reserved header to pass on', { 'posthorn-header-webhook-id': '1' }, 'Posthorn-Header-webhook-id', 'reserved'],
    ['a header to pass on of 2049 bytes', { 'posthorn-header-x': 'x'.repeat(2049) }, 'Posthorn-Header-x', '2048'],
    ['a content type of 300 characters', { 'content-type': `text/plain; x=${'y'.repeat(300)}` }, 'Content-Type', '255'],
    ['a time to deliver at that is none', { 'posthorn-deliver-at': 'soon' }, 'Posthorn-Deliver-At', 'RFC 3339'],
    ['a delay of more than 366 days', { 'posthorn-delay': '31622401' }, 'Posthorn-Delay', '366 days'],
  ])('%s', async (_what, headers, field, limit) => {
    const { status, body, headers: answered } = await publish(headers);
    expect([status, body.code, body.field]).toEqual([400, 'validation-failed', field]);
    expect(body.detail).toContain(limit);
    expect(answered.get('content-type')).toBe('application/problem+json');
  });

  it.each([
    ['no key', null, 401, 'unauthorized'],
    ['a key that does not exist', 'ph_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 401, 'unauthorized'],
  ])('%s', async (_what, key, status, code) => {
    const answer = await publish({}, 'x', key);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('a key without the scope, whether the channel exists or not', async () => {
    await cluster.channel('other');
    const [there, nowhere] = [await publish({}, 'x', publisherKey, 'other'), await publish({}, 'x', publisherKey, 'nowhere')];
    expect([there.status, there.body.code]).toEqual([403, 'forbidden']);
    expect([nowhere.status, nowhere.body.code]).toEqual([403, 'forbidden']);
  });

  it('a channel that does not exist', async () => {
    const answer = await cluster.api<ProblemBody>('POST', '/v1/channels/nowhere/messages', 'x');
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([404, 'not-found', 'channel']);
  });

  it('a body over the limit, by its length and while it is read', async () => {
    const declared = await publish({}, 'x'.repeat(1001));
    expect([declared.status, declared.body.code]).toEqual([413, 'payload-too-large']);
    const batch = await cluster.api<ProblemBody>('POST', '/v1/channels/orders/messages/batch', `["${'x'.repeat(2000)}"]`);
    expect([batch.status, batch.body.code]).toEqual([413, 'payload-too-large']);
    expect(declared.body.detail).toContain('1000');
    const head = `POST /v1/channels/orders/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${publisherKey}\r\ncontent-type: text/plain\r\n`;
    const chunked = await raw(`${head}transfer-encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`);
    expect(chunked).toContain('413');
    expect(chunked).toContain('payload-too-large');
  });

  it('a compressed body', async () => {
    const answer = await publish({ 'content-encoding': 'gzip' });
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported-media-type']);
  });

  it('a header with a line break, and one with a NUL', async () => {
    const head = `POST /v1/channels/orders/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${publisherKey}\r\ncontent-length: 1\r\n`;
    for (const smuggled of ['posthorn-header-x: a\nb\r\n', 'posthorn-header-x: a\0b\r\n', 'posthorn-header-x: a\rb\r\n']) {
      expect(await raw(`${head}${smuggled}\r\nx`)).toMatch(/^HTTP\/1\.1 400 /);
    }
  });

  it('a body that does not arrive in time', async () => {
    const head = `POST /v1/channels/orders/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${publisherKey}\r\ncontent-length: 10\r\n\r\nabc`;
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a length that is shorter or longer than the body, or given twice', async () => {
    const head = `POST /v1/channels/orders/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${publisherKey}\r\n`;
    expect(await raw(`${head}content-length: 1\r\ncontent-length: 2\r\n\r\nxy`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(`${head}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

it('answers 503 with Retry-After when the queue is full, and stores what it acknowledged', async () => {
  const small = await Cluster.start({ dispatchers: 0 }, { ACCEPT_QUEUE_MESSAGES: '5', ACCEPT_BATCH: '1' });
  try {
    await small.channel('c');
    const answers = await Promise.all(Array.from({ length: 200 }, () => small.api<ProblemBody>('POST', '/v1/channels/c/messages', 'x')));
    const full = answers.filter((answer) => answer.status === 503);
    const stored = answers.filter((answer) => answer.status === 201);
    expect(full.length).toBeGreaterThan(0);
    expect(full.length + stored.length).toBe(200);
    expect(full[0]!.body.code).toBe('queue-full');
    expect(full[0]!.headers.get('retry-after')).toBe('1');
    const [row] = await small.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message');
    expect(row!.n).toBe(String(stored.length));
  } finally {
    await small.stop();
  }
});
