import { createServer, type Server } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { pem } from './support/certificates.js';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { NameServer } from './support/name-server.js';
import type { Sink } from './support/sink.js';

/** 127.0.0.1 is allowed and stands for the world; 127.0.0.2, on the same port, is the service within that nobody may reach. */
let cluster: Cluster;
let names: NameServer;
let world: Sink;
let within: Server;
let reached: string[];
let channels = 0;

beforeAll(async () => {
  names = await NameServer.open((name, { type, count }) => {
    if (name === 'hook.test' || name === 'elsewhere.test') return ['127.0.0.1'];
    if (name === 'rebind.test') return [type === 'A' && count % 2 === 1 ? '127.0.0.1' : '127.0.0.2'].filter(() => type === 'A');
    if (name === 'once.test' && type === 'A') return [count === 1 ? '127.0.0.1' : '127.0.0.2'];
    if (name === 'once.test') return [];
    if (name === 'both.test') return ['127.0.0.1', '127.0.0.2'];
    if (name === 'mixed.test') return ['127.0.0.1', '::1'];
    if (name === 'within.test') return ['127.0.0.2'];
    if (name === 'mapped.test') return ['::ffff:7f00:2'];
    if (name === 'translated.test') return ['64:ff9b::7f00:2'];
    if (name === 'six-to-four.test') return ['2002:7f00:2::1'];
    return name === 'nothing.test' ? [] : undefined;
  });
  cluster = await Cluster.start({}, { ALLOWED_TARGETS: '127.0.0.1/32', DNS_SERVERS: names.address });
  // A connection for each delivery, so that each resolves its name anew.
  world = await cluster.sink((_received, response) => void response.writeHead(200, { connection: 'close' }).end());
  reached = [];
  within = createServer((request, response) => {
    reached.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.end('{"access_token":"x","token_type":"bearer"}');
  });
  await new Promise<void>((resolve) => within.listen(Number(new URL(world.url).port), '127.0.0.2', resolve));
});
afterAll(async () => {
  await cluster.stop();
  names.close();
  await new Promise((resolve) => within.close(resolve));
});
afterEach(() => {
  expect(reached).toEqual([]);
});

const at = (host: string): string => world.url.replace('127.0.0.1', host);

/** A consumer of a channel of its own; answers how a delivery to it ends. */
async function consumer(settings: Record<string, unknown>): Promise<() => Promise<string>> {
  const channel = `guard-${++channels}`;
  await cluster.channel(channel);
  await cluster.ok('PUT', `/v1/channels/${channel}/consumers/c`, { retry: { delays: [] }, ...settings });
  return async () => {
    const id = await cluster.publish(channel, 'x');
    return eventually(async () => {
      const { status, attemptLog } = await cluster.delivery(channel, id, 'c');
      return status === 'delivered' ? status : status === 'dead' && `${attemptLog[0]!.errorClass}`;
    });
  };
}

describe('a URL', () => {
  it.each([
    'http://127.0.0.2/',
    'http://127.1.1.1/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://172.16.0.1/',
    'http://192.0.0.1/',
    'http://192.0.2.1/',
    'http://192.88.99.1/',
    'http://192.168.0.1/',
    'http://198.18.0.1/',
    'http://198.51.100.1/',
    'http://203.0.113.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::]/',
    'http://[::1]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[::ffff:127.0.0.2]/',
    'http://[::ffff:7f00:2]/',
    'http://[0:0:0:0:0:ffff:7f00:0002]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[2002:a00:1::]/',
    'http://0177.0.0.2/',
    'http://0x7f.0.0.2/',
    'http://0x7f000002/',
    'http://2130706434/',
    'http://017700000002/',
    'http://127.2/',
    'http://127.0.2/',
    'http://10.1/',
    'http://0/',
    'http://①②⑦.0.0.2/',
    'http://127。0。0。2/',
    'http://%31%32%37.0.0.2/',
    'http://127.0.0.2./',
    'http://0x7f.0x0.0x0.0x2/',
    'http://00000177.0.0.2/',
    'http://0xa9fea9fe/',
    'http://127.0.0.2:443/',
    'http:127.0.0.2/',
    'http:/127.0.0.2/',
    'http:\\\\127.0.0.2/',
    'http://127.0.0.2\\@hook.test/',
    'http://127.0.0.2?@hook.test/',
    'http://[::127.0.0.2]/',
    'http://[::ffff:0:127.0.0.2]/',
    'http://[64:ff9b:1::7f00:2]/',
    'http://[fe80::1%25eth0]/',
    'http://[fec0::1]/',
    'http://[2001::1]/',
    'http://[100::1]/',
    'http://[4000::1]/',
    'http://[::ffff:127.0.0.2%25lo]/',
    'http://１２７.0.0.2/',
    'http://127.0.0.2。/',
    'http://hook.test./',
    'http://user@127.0.0.1/',
    'http://user:password@hook.test/',
    'http://hook.test@127.0.0.2/',
    'http://hook.test/#fragment',
    'http://hook.test:99999/',
    'http://',
    'gopher://127.0.0.1/',
    'file:///etc/passwd',
    'javascript:alert(1)',
  ])('%s is refused for a consumer and for its tokens', async (url) => {
    await cluster.channel('urls');
    const path = '/v1/channels/urls/consumers/c';
    const auth = { type: 'oauth2', tokenUrl: url, clientId: 'a', clientSecret: 'b' };
    expect((await cluster.api<{ field: string }>('PUT', path, { url })).body).toMatchObject({ code: 'validation-failed', field: 'url' });
    expect((await cluster.api<{ field: string }>('PUT', path, { url: at('hook.test'), auth })).body).toMatchObject({
      field: 'auth.tokenUrl',
    });
  });
});

describe('a name', () => {
  it('that resolves to what is allowed is reached', async () => {
    const deliver = await consumer({ url: at('hook.test') });
    expect(await deliver()).toBe('delivered');
    expect(world.received.at(-1)!.headers.host).toBe(new URL(at('hook.test')).host);
  });

  it('whose answers change between one query and the next is resolved once for a connection, which goes where that answer said', async () => {
    const deliver = await consumer({ url: at('rebind.test') });
    const before = world.received.length;
    const fates: string[] = [];
    for (let n = 0; n < 6; n++) fates.push(await deliver());
    expect(fates).toEqual(['delivered', 'blocked-target', 'delivered', 'blocked-target', 'delivered', 'blocked-target']);
    expect(names.queries.filter((query) => query === 'A rebind.test')).toHaveLength(6);
    expect(world.received.length - before).toBe(3);
  });

  it.each(['both.test', 'mixed.test', 'within.test', 'mapped.test', 'translated.test', 'six-to-four.test', 'localhost', 'a.localhost'])(
    '%s, of which an address is blocked, is not reached at all',
    async (host) => {
      const before = world.received.length;
      expect(await (await consumer({ url: at(host) }))()).toBe('blocked-target');
      expect(world.received.length).toBe(before);
    },
  );

  it.each(['nothing.test', 'nobody.test'])('%s without an address is retried as dns', async (host) => {
    expect(await (await consumer({ url: at(host) }))()).toBe('dns');
  });
});

describe('a token endpoint', () => {
  const auth = (tokenUrl: string, clientSecret = 'b') => ({ type: 'oauth2', tokenUrl, clientId: 'a', clientSecret });

  it.each(['within.test', 'both.test', 'mapped.test', 'six-to-four.test', 'localhost'])('at %s is not asked', async (host) => {
    const before = world.received.length;
    expect(await (await consumer({ url: at('hook.test'), auth: auth(at(host)) }))()).toBe('blocked-target');
    expect(world.received.length).toBe(before);
  });

  it('that moves within is not asked again', async () => {
    const tokens = await cluster.sink((_received, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', connection: 'close' })
        .end('{"access_token":"x","token_type":"bearer"}');
    });
    const url = at('hook.test');
    const tokenUrl = tokens.url.replace('127.0.0.1', 'once.test');
    const deliver = await consumer({ url, auth: auth(tokenUrl) });
    expect(await deliver()).toBe('delivered');
    await cluster.ok('PUT', `/v1/channels/guard-${channels}/consumers/c`, { url, retry: { delays: [] }, auth: auth(tokenUrl, 'another') });
    expect(await deliver()).toBe('blocked-target');
    expect(tokens.received).toHaveLength(1);
  });

  it('that redirects within is not followed', async () => {
    const tokens = await cluster.sink((_received, response) => void response.writeHead(307, { location: at('127.0.0.2') }).end());
    expect(await (await consumer({ url: at('hook.test'), auth: auth(tokens.url) }))()).toBe('token-endpoint');
  });
});

it.each([301, 302, 303, 307, 308])('a redirect (%d) to a place within is not followed', async (status) => {
  const sink = await cluster.sink((_received, response) => void response.writeHead(status, { location: at('127.0.0.2') }).end());
  expect(await (await consumer({ url: sink.url }))()).toBe('redirect');
});

it('an answer is asked for as it is, and one that is compressed nevertheless is kept as it came', async () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  const sink = await cluster.sink((_received, response) => void response.writeHead(500, { 'content-encoding': 'gzip' }).end(bomb));
  expect(await (await consumer({ url: sink.url }))()).toBe('http-status');
  expect(sink.received[0]!.headers['accept-encoding']).toBe('identity');
  const [row] = await cluster.database.query<{ body: Buffer }[]>(
    'SELECT a.response_body AS body FROM attempt a JOIN message m ON m.id = a.message_id JOIN channel c ON c.id = m.channel_id WHERE c.name = ?',
    [`guard-${channels}`],
  );
  expect(row!.body.equals(bomb.subarray(0, row!.body.length))).toBe(true);
  expect(row!.body.length).toBeGreaterThan(500);
});

describe('over TLS', () => {
  const server = { cert: pem('server.pem'), key: pem('server.key') };
  const tls = { ca: pem('ca.pem') };

  it('the name is asked for and verified, at the address that was vetted', async () => {
    const asked: unknown[] = [];
    const sink = await cluster.sink((_received, response, request) => {
      asked.push((request.socket as TLSSocket & { servername?: string }).servername, request.headers.host);
      response.end();
    }, server);
    const url = sink.url.replace('127.0.0.1', 'hook.test');
    expect(await (await consumer({ url, tls }))()).toBe('delivered');
    expect(asked).toEqual(['hook.test', new URL(url).host]);
    // The certificate is for other names than this one, which leads to the same place.
    expect(await (await consumer({ url: sink.url.replace('127.0.0.1', 'elsewhere.test'), tls }))()).toBe('tls');
  });

  it.each(['within.test', 'both.test', 'mapped.test'])('%s is not reached', async (host) => {
    const sink = await cluster.sink(undefined, server);
    expect(await (await consumer({ url: sink.url.replace('127.0.0.1', host), tls }))()).toBe('blocked-target');
    expect(sink.received).toEqual([]);
  });

  it('older than 1.2 is not spoken', async () => {
    const sink = await cluster.sink(undefined, { ...server, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    expect(await (await consumer({ url: sink.url, tls }))()).toBe('tls');
    expect(sink.received).toEqual([]);
  });
});

it('a test of a consumer obeys the same guard, and tells a class and no address', async () => {
  await consumer({ url: at('within.test') });
  const answer = await cluster.api<unknown>('POST', `/v1/channels/guard-${channels}/consumers/c/test?waitMs=10000`, {});
  expect(answer.status).toBe(200);
  expect(JSON.stringify(answer.body)).toContain('blocked-target');
  expect(JSON.stringify(answer.body)).not.toContain('127.0.0.2');
});
