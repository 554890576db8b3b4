import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, type ClientHttp2Stream } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { request as requestTls } from 'node:https';
import { pem } from './support/certificates.js';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { Http2Client } from './support/http2-client.js';

interface ProblemBody {
  id: string;
  code: string;
  status: number;
  field?: string;
  detail: string;
  requestId: string;
}

let cluster: Cluster;
let client: Http2Client;
const key = { authorization: `Bearer ${ADMIN_KEY}` };
const publishTo = '/v1/channels/orders/messages';

beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { MAX_BODY_BYTES: '100000', REQUEST_TIMEOUT_MS: '3000', HTTP2_MAX_STREAMS: '20' });
  await cluster.channel('orders');
  client = await Http2Client.open(cluster.url);
});
afterAll(async () => {
  client.close();
  await cluster.stop();
});

const payloadOf = async (id: string): Promise<string> => cluster.ok('GET', `${publishTo}/${id}/payload`);
const count = async (): Promise<number> => {
  const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message');
  return Number(row!.n);
};
/** Sends bytes as they are and answers what came back until the server closed. */
const raw = (bytes: string | Buffer, port = Number(new URL(cluster.url).port)): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', reject).on('close', () => resolve(answer));
  });

describe('on the port of HTTP/1.1, with prior knowledge', () => {
  it('publishes and reads, many requests on one connection, beside HTTP/1.1', async () => {
    const bodies = Array.from({ length: 60 }, (_, n) => `payload ${n}`);
    const published = await Promise.all(
      bodies.map((body) => client.ask<{ id: string }>('POST', publishTo, body, { ...key, 'content-type': 'text/plain' })),
    );
    expect(published.map(({ status }) => status)).toEqual(bodies.map(() => 201));
    expect(await payloadOf(published[7]!.body.id)).toBe('payload 7');
    const read = await client.ask<{ items: unknown[] }>('GET', `${publishTo}?limit=5`, '', key);
    expect([read.status, read.body.items.length]).toEqual([200, 5]);
    expect((await cluster.api('GET', '/v1/channels')).status).toBe(200);
  });

  it('stores a body that no header announces, neither its type nor its length', async () => {
    const { body } = await client.ask<{ id: string }>('POST', publishTo, 'bare', key);
    expect(await payloadOf(body.id)).toBe('bare');
    const empty = await client.ask<{ id: string }>('POST', publishTo, '', key);
    expect([empty.status, await payloadOf(empty.body.id)]).toEqual([201, '']);
  });

  it('is told from HTTP/1.1 however its first bytes are cut, and so is HTTP/1.1', async () => {
    const port = Number(new URL(cluster.url).port);
    const socket = connectTcp(port, '127.0.0.1');
    const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
    socket.setNoDelay(true);
    const settings = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    for (const byte of preface) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    // A SETTINGS frame.
    expect((await settings)[3]).toBe(4);
    socket.destroy();
    expect(await raw('PRI * HTTP/2.0\r\n\r\nSX')).toMatch(/^HTTP\/1\.1 400 /);
    const slow = connectTcp(port, '127.0.0.1');
    const answer = new Promise<Buffer>((resolve) => slow.once('data', resolve));
    for (const part of ['P', 'U', 'T /v1/channels HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'])
      await new Promise((resolve) => slow.write(part, resolve));
    expect((await answer).toString()).toMatch(/^HTTP\/1\.1 405 /);
    slow.destroy();
  });
});

describe('over HTTP/2 a bad request is refused as over HTTP/1.1, and stores nothing:', () => {
  it.each<[string, Record<string, string>, string, number, string, string | undefined]>([
    ['no key', { authorization: '' }, 'x', 401, 'unauthorized', undefined],
    ['a priority that is none', { 'posthorn-priority': '10' }, 'x', 400, 'validation-failed', 'Posthorn-Priority'],
    ['an idempotency key of 256 characters', { 'idempotency-key': 'k'.repeat(256) }, 'x', 400, 'validation-failed', 'Idempotency-Key'],
    ['a reserved header to pass on', { 'posthorn-header-webhook-id': '1' }, 'x', 400, 'validation-failed', 'Posthorn-Header-webhook-id'],
    ['a body above the limit', {}, 'x'.repeat(100_001), 413, 'payload-too-large', undefined],
    ['a body above the limit that says so', { 'content-length': '100001' }, 'x'.repeat(100_001), 413, 'payload-too-large', undefined],
    ['a compressed body', { 'content-encoding': 'gzip' }, 'x', 415, 'unsupported-media-type', undefined],
  ])('%s', async (_what, headers, body, status, code, field) => {
    const before = await count();
    const answer = await client.ask<ProblemBody>('POST', publishTo, body, { ...key, ...headers });
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([status, code, field]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
    expect(await count()).toBe(before);
    expect(client.closed).toBe(false);
  });

  it('an unknown path, a method that is not there, JSON that is none, and a type that is not JSON', async () => {
    const json = { ...key, 'content-type': 'application/json' };
    const ask = async (method: string, path: string, body = '', headers: Record<string, string> = json) => {
      const answer = await client.ask<ProblemBody>(method, path, body, headers);
      return [answer.status, answer.body.code];
    };
    expect(await ask('GET', '/v2')).toEqual([404, 'not-found']);
    expect(await ask('DELETE', '/v1/channels')).toEqual([405, 'method-not-allowed']);
    expect(await ask('PUT', '/v1/channels/x', '{')).toEqual([400, 'malformed-json']);
    expect(await ask('PUT', '/v1/channels/x', 'a', { ...key, 'content-type': 'text/plain' })).toEqual([415, 'unsupported-media-type']);
  });

  it('a body that goes on for ever is read no further than its limit', async () => {
    const stream = client.session.request({ ':method': 'POST', ':path': publishTo, ...key });
    const status = new Promise<number>((resolve) => stream.on('response', (headers) => resolve(Number(headers[':status']))));
    stream.on('error', () => undefined);
    let sent = 0;
    const feed = (): void => {
      while (!stream.destroyed && !stream.closed && stream.write(Buffer.alloc(16_384))) sent += 16_384;
    };
    stream.on('drain', feed);
    feed();
    expect(await status).toBe(413);
    await eventually(() => stream.closed);
    expect(sent).toBeLessThan(2_000_000);
    expect(client.closed).toBe(false);
  });

  it('a body that does not arrive in time, and its neighbours are answered meanwhile', async () => {
    const stream = client.session.request({ ':method': 'POST', ':path': publishTo, ...key, 'content-length': '10' });
    stream.write('abc');
    const answered = new Promise<number>((resolve) => stream.on('response', (headers) => resolve(Number(headers[':status']))));
    stream.on('error', () => undefined);
    expect((await client.ask('GET', '/v1/channels', '', key)).status).toBe(200);
    expect(await answered).toBe(408);
    expect((await client.ask('GET', '/v1/channels', '', key)).status).toBe(200);
  });

  it('headers above 16 KiB: the stream is reset', async () => {
    await expect(client.ask('GET', '/v1/channels', '', { ...key, x: 'x'.repeat(17_000) })).rejects.toThrow();
    const next = await Http2Client.open(cluster.url);
    expect((await next.ask('GET', '/v1/channels', '', key)).status).toBe(200);
    next.close();
  });
});

describe('a client that means harm', () => {
  it('may have only so many requests under way on one connection, as the server tells it', async () => {
    const one = await Http2Client.open(cluster.url);
    expect(one.session.remoteSettings).toMatchObject({ maxConcurrentStreams: 20, maxHeaderListSize: 16_384 });
    one.close();
  });

  it('that opens and gives up requests without end loses its connection, and nobody else notices', async () => {
    const flood = await Http2Client.open(cluster.url);
    const told = new Promise<number>((resolve) => flood.session.on('goaway', resolve));
    let given = 0;
    while (!flood.closed && given < 20_000) {
      const batch: ClientHttp2Stream[] = [];
      for (let n = 0; n < 20 && !flood.closed; n++, given++) {
        const stream = flood.session.request({ ':method': 'POST', ':path': publishTo, ...key });
        stream.on('error', () => undefined);
        batch.push(stream);
      }
      await new Promise((resolve) => setImmediate(resolve));
      for (const stream of batch) stream.close(constants.NGHTTP2_CANCEL);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(flood.closed).toBe(true);
    // Ours, or INTERNAL_ERROR: nghttp2 has a limit of its own, and either may be met first.
    expect([constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INTERNAL_ERROR]).toContain(await told);
    expect(given).toBeLessThan(20_000);
    expect((await client.ask('GET', '/v1/channels', '', key)).status).toBe(200);
  });

  it('that says nothing, half a preface, or a preface without a request, is cut off after the time for headers', async () => {
    const [nothing, half, whole] = await Promise.all([
      raw(''),
      raw('PRI * HT'),
      raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'),
    ]);
    expect(nothing).toMatch(/^HTTP\/1\.1 408 /);
    expect(half).toMatch(/^HTTP\/1\.1 408 /);
    // SETTINGS, and GOAWAY at the end.
    expect(whole.charCodeAt(3)).toBe(4);
  });
});

describe('with a certificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-tls-'));
  const files = { TLS_CERT_FILE: join(folder, 'tls.crt'), TLS_KEY_FILE: join(folder, 'tls.key') };
  const ca = pem('ca.pem');
  let port: number;
  let url: string;

  beforeAll(async () => {
    copyFileSync('test/support/certificates/server.pem', files.TLS_CERT_FILE);
    copyFileSync('test/support/certificates/server.key', files.TLS_KEY_FILE);
    const cleartext = cluster.ingest;
    const ingest = await cluster.startIngest(files);
    cluster.ingest = cleartext;
    port = Number(ingest.field('ingest.ready', 'port'));
    url = `https://127.0.0.1:${port}`;
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const ingest = () => cluster.processes.at(-1)!;

  const handshake = (options: ConnectionOptions): Promise<{ alpn: string | false | null; protocol: string | null; subject: string }> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ port, host: '127.0.0.1', ca, ...options }, () => {
        const { subject } = socket.getPeerCertificate();
        resolve({ alpn: socket.alpnProtocol, protocol: socket.getProtocol(), subject: String(subject?.CN) });
        socket.destroy();
      });
      socket.on('error', reject);
    });

  it('speaks HTTP/2 with clients that offer it, and HTTP/1.1 with the others', async () => {
    const secure = await Http2Client.open(url, { ca });
    const { status, body } = await secure.ask<{ id: string }>('POST', publishTo, 'secret', key);
    expect([status, await payloadOf(body.id)]).toEqual([201, 'secret']);
    secure.close();
    const answer = await new Promise<{ statusCode?: number; httpVersion: string }>((resolve, reject) => {
      const request = requestTls(`${url}/v1/channels`, { ca, headers: key }, (response) => resolve(response.resume()));
      request.on('error', reject).end();
    });
    expect([answer.statusCode, answer.httpVersion]).toEqual([200, '1.1']);
    expect(await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).toMatchObject({ alpn: 'h2' });
    expect(await handshake({ ALPNProtocols: ['http/1.1'] })).toMatchObject({ alpn: 'http/1.1' });
    expect(await handshake({})).toMatchObject({ alpn: false });
  });

  it('speaks TLS 1.2 and 1.3, nothing older and nothing in the clear', async () => {
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toMatchObject({ protocol: 'TLSv1.2' });
    expect(await handshake({ minVersion: 'TLSv1.3' })).toMatchObject({ protocol: 'TLSv1.3' });
    await expect(handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow();
    const plain = await raw('GET /v1/channels HTTP/1.1\r\nhost: x\r\n\r\n', port);
    expect(plain).not.toContain('HTTP/1.1 200');
    expect((await handshake({})).protocol).toBe('TLSv1.3');
  });

  it('takes a new certificate without a restart, and goes on with the old one while the new one is wrong', async () => {
    const open = await Http2Client.open(url, { ca });
    expect((await handshake({})).subject).toBe('posthorn test server');
    writeFileSync(files.TLS_CERT_FILE, 'nonsense');
    ingest().signal('SIGHUP');
    await eventually(() => ingest().lines.some(({ msg, loop }) => msg === 'loop.failed' && loop === 'certificates'), 30_000);
    expect((await handshake({})).subject).toBe('posthorn test server');
    copyFileSync('test/support/certificates/client.pem', files.TLS_CERT_FILE);
    copyFileSync('test/support/certificates/client.key', files.TLS_KEY_FILE);
    ingest().signal('SIGHUP');
    await eventually(async () => (await handshake({ rejectUnauthorized: false })).subject === 'posthorn test client', 30_000);
    expect((await open.ask('GET', '/v1/channels', '', key)).status).toBe(200);
    open.close();
  });
});

it('an ingest API that gets SIGTERM answers what HTTP/2 clients have sent, says goodbye, and exits with 0 while they stay connected', async () => {
  const clear = cluster.ingest;
  const leaving = await cluster.startIngest();
  const url = cluster.url;
  cluster.ingest = clear;
  const clients = await Promise.all([0, 1].map(() => Http2Client.open(url)));
  const goodbyes = clients.map(({ session }) => new Promise<number>((resolve) => session.on('goaway', resolve)));
  await cluster.ok('PUT', '/v1/channels/orders/consumers/puller', { type: 'pull' });
  // Waits for something to do when the process is told to end.
  const poll = clients[0]!.ask<{ leases: unknown[] }>(
    'POST',
    '/v1/channels/orders/consumers/puller/leases',
    JSON.stringify({ max: 1, waitMs: 20_000 }),
    { ...key, 'content-type': 'application/json' },
  );
  expect((await clients[0]!.ask('GET', '/v1/channels', '', key)).status).toBe(200);
  const ended = leaving.stop();
  expect(await poll).toMatchObject({ status: 200, body: { leases: [] } });
  expect(await ended).toBe(0);
  expect(await Promise.all(goodbyes)).toEqual([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_NO_ERROR]);
  for (const one of clients) one.close();
});
