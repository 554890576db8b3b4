import type { ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { Cluster } from './support/cluster.js';
import { pem } from './support/certificates.js';
import { eventually, meanwhile } from './support/eventually.js';
import type { Received, Sink } from './support/sink.js';

interface ProblemAnswer {
  code: string;
  field?: string;
}

let cluster: Cluster;
let channels = 0;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

/** A consumer of a channel of its own. */
class Receiver {
  readonly path: string;

  private constructor(
    readonly channel: string,
    readonly sink: Sink,
  ) {
    this.path = `/v1/channels/${channel}/consumers/c`;
  }

  static async of(settings: Record<string, unknown>, sink?: Sink): Promise<Receiver> {
    const receiver = new Receiver(`auth-${++channels}`, sink ?? (await cluster.sink()));
    await cluster.channel(receiver.channel);
    await receiver.put(settings);
    return receiver;
  }

  put(settings: Record<string, unknown>): Promise<unknown> {
    return cluster.ok('PUT', this.path, { url: this.sink.url, ...settings });
  }

  get(): Promise<Record<string, unknown>> {
    return cluster.ok('GET', this.path);
  }

  publish(headers: Record<string, string> = {}): Promise<string> {
    return cluster.publish(this.channel, 'x', headers);
  }

  /** Publishes and answers what arrives. */
  async next(headers: Record<string, string> = {}): Promise<Received> {
    const before = this.sink.received.length;
    await this.publish(headers);
    return eventually(() => this.sink.received[before] ?? false);
  }

  delivery(id: string): ReturnType<Cluster['delivery']> {
    return cluster.delivery(this.channel, id, 'c');
  }
}

/** A token endpoint that hands out token-1, token-2 … */
async function tokenEndpoint(more: Record<string, unknown> = {}): Promise<{ sink: Sink; auth: Record<string, unknown>; tokenUrl: string }> {
  let count = 0;
  const sink = await cluster.sink((_received, response) => answerToken(response, `token-${++count}`, more));
  const tokenUrl = sink.url.replace('/hook', '/oauth/token?tenant=1');
  return { sink, tokenUrl, auth: { type: 'oauth2', tokenUrl, clientId: 'post horn', clientSecret: 'pä+ss' } };
}
const answerToken = (response: ServerResponse, token: string, more: Record<string, unknown> = {}): void =>
  void response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600, ...more }));

describe('a fixed authorization', () => {
  it.each([
    [{ type: 'basic', username: 'Aladdin', password: 'open sesame' }, 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
    [{ type: 'bearer', token: 'mF_9.B5f-4.1JqM' }, 'Bearer mF_9.B5f-4.1JqM'],
  ])('%j is sent with every delivery, in place of a producer’s own', async (auth, header) => {
    const receiver = await Receiver.of({ auth });
    expect((await receiver.next()).headers.authorization).toBe(header);
    const { headers } = await receiver.next({ 'posthorn-header-authorization': 'Bearer forged', 'posthorn-header-x-own': 'kept' });
    expect([headers.authorization, headers['x-own']]).toEqual([header, 'kept']);
  });

  it('is changed by the next PUT for the next delivery', async () => {
    const receiver = await Receiver.of({ auth: { type: 'bearer', token: 'one' } });
    expect((await receiver.next()).headers.authorization).toBe('Bearer one');
    await receiver.put({ auth: { type: 'bearer', token: 'two' } });
    expect((await receiver.next()).headers.authorization).toBe('Bearer two');
    await receiver.put({});
    expect((await receiver.next()).headers.authorization).toBeUndefined();
  });
});

describe('OAuth 2.0 client credentials', () => {
  it('asks once for a token, as RFC 6749 says, and uses it for many deliveries', async () => {
    const { sink, auth } = await tokenEndpoint();
    const receiver = await Receiver.of({ auth: { ...auth, scope: 'hooks:write other', audience: 'https://api.example.com/' } });
    for (let n = 0; n < 5; n++) expect((await receiver.next()).headers.authorization).toBe('Bearer token-1');
    expect(sink.received).toHaveLength(1);
    const { headers, body, path } = sink.received[0]!;
    expect(path).toBe('/oauth/token?tenant=1');
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Buffer.from(String(headers.authorization).slice(6), 'base64').toString()).toBe('post+horn:p%C3%A4%2Bss');
    expect(Object.fromEntries(new URLSearchParams(body.toString()))).toEqual({
      grant_type: 'client_credentials',
      scope: 'hooks:write other',
      audience: 'https://api.example.com/',
    });
  });

  it('proves the client in the body when that is wanted', async () => {
    const { sink, auth } = await tokenEndpoint();
    const receiver = await Receiver.of({ auth: { ...auth, clientAuth: 'post' } });
    await receiver.next();
    expect(sink.received[0]!.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(sink.received[0]!.body.toString()))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'post horn',
      client_secret: 'pä+ss',
    });
  });

  it('asks with one request for all deliveries that wait for a token', async () => {
    const { sink, auth } = await tokenEndpoint();
    sink.answers(async (_received, response) => {
      await meanwhile(400);
      answerToken(response, 'late');
    });
    const receiver = await Receiver.of({ auth });
    await Promise.all(Array.from({ length: 20 }, () => receiver.publish()));
    await eventually(() => receiver.sink.received.length === 20);
    expect(new Set(receiver.sink.received.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer late']));
    expect(sink.received).toHaveLength(1);
  });

  it('asks again shortly before the token expires', async () => {
    const { sink, auth } = await tokenEndpoint({ expires_in: 2 });
    const receiver = await Receiver.of({ auth });
    expect((await receiver.next()).headers.authorization).toBe('Bearer token-1');
    const askedAt = sink.received[0]!.at;
    await eventually(async () => (await receiver.next()).headers.authorization === 'Bearer token-2', 5_000, 100);
    expect(sink.received[1]!.at - askedAt).toBeGreaterThan(1_500);
    expect(receiver.sink.received.filter(({ headers, at }) => headers.authorization === 'Bearer token-1' && at - askedAt > 2_000)).toEqual(
      [],
    );
  });

  it('asks for another token when the consumer answers 401, and posts once more in the same attempt', async () => {
    const { sink, auth } = await tokenEndpoint();
    const receiver = await Receiver.of({ auth });
    await receiver.next();
    receiver.sink.answers(
      (received, response) => void response.writeHead(received.headers.authorization === 'Bearer token-1' ? 401 : 200).end(),
    );
    const id = await receiver.publish();
    await eventually(async () => (await receiver.delivery(id)).status === 'delivered');
    expect(await receiver.delivery(id)).toMatchObject({ attempts: 1, attemptLog: [{ httpCode: 200, errorClass: null }] });
    expect(sink.received).toHaveLength(2);
    expect(receiver.sink.received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
    ]);
  });

  it('takes a second 401 for an answer', async () => {
    const { sink, auth } = await tokenEndpoint();
    const receiver = await Receiver.of({ auth, retry: { delays: [0.1] } });
    receiver.sink.answersStatus(401);
    const id = await receiver.publish();
    await eventually(async () => (await receiver.delivery(id)).status === 'dead');
    const log = (await receiver.delivery(id)).attemptLog;
    expect(log.map(({ httpCode, errorClass }) => [httpCode, errorClass])).toEqual([
      [401, 'http-status'],
      [401, 'http-status'],
    ]);
    expect(receiver.sink.received).toHaveLength(4);
    expect(sink.received.length).toBeLessThanOrEqual(4);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['answers 500', (response) => void response.writeHead(500).end()],
    ['answers 410, which is nobody’s wish to be disabled', (response) => void response.writeHead(410).end()],
    ['redirects', (response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    ['refuses the client', (response) => void response.writeHead(401).end('{"error":"invalid_client"}')],
    ['answers no JSON', (response) => void response.end('access_token=x')],
    ['answers without a token', (response) => void response.end('{"token_type":"bearer"}')],
    ['answers a token with a line break', (response) => answerToken(response, 'a\r\nx-evil: 1')],
    ['answers another kind of token', (response) => answerToken(response, 'x', { token_type: 'mac' })],
    ['answers without end', (response) => void response.end('x'.repeat(100_000))],
    ['hangs up', (response) => void response.destroy()],
    ['says nothing', () => undefined],
  ])('retries as token-endpoint when the endpoint %s, and delivers when it is well again', async (_what, answer) => {
    const { sink, auth } = await tokenEndpoint();
    sink.answers((_received, response) => answer(response));
    const receiver = await Receiver.of({ auth, timeoutMs: 600, retry: { delays: Array.from({ length: 60 }, () => 0.2) } });
    const id = await receiver.publish();
    await eventually(async () => (await receiver.delivery(id)).attemptLog.length > 0);
    const [first] = (await receiver.delivery(id)).attemptLog;
    expect([first!.errorClass, first!.httpCode]).toEqual(['token-endpoint', null]);
    expect(receiver.sink.received).toEqual([]);
    sink.answers((_received, response) => answerToken(response, 'well'));
    await eventually(async () => (await receiver.delivery(id)).status === 'delivered');
    expect(receiver.sink.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer well']);
    expect(await receiver.get()).toMatchObject({ disabled: false });
  });

  it('asks anew when the credentials change', async () => {
    const { sink, auth } = await tokenEndpoint();
    const receiver = await Receiver.of({ auth });
    await receiver.next();
    await receiver.put({ auth: { ...auth, clientSecret: 'another' } });
    expect((await receiver.next()).headers.authorization).toBe('Bearer token-2');
    expect(Buffer.from(String(sink.received[1]!.headers.authorization).slice(6), 'base64').toString()).toBe('post+horn:another');
  });

  it('holds to one deadline: a slow token leaves the POST less time', async () => {
    const { sink, auth } = await tokenEndpoint();
    sink.answers(async (_received, response) => {
      await meanwhile(600);
      answerToken(response, 'slow');
    });
    const receiver = await Receiver.of({ auth, timeoutMs: 1_000, retry: { delays: [] } });
    receiver.sink.answers(() => undefined);
    const id = await receiver.publish();
    await eventually(async () => (await receiver.delivery(id)).status === 'dead');
    const [row] = await cluster.database.query<{ ms: number; error: string }[]>(
      'SELECT duration_ms AS ms, error_class AS error FROM attempt WHERE message_id = ?',
      [id],
    );
    expect(row!.error).toBe('timeout');
    expect(row!.ms).toBeGreaterThan(950);
    expect(row!.ms).toBeLessThan(1_900);
  });
});

describe('TLS', () => {
  const server = { cert: pem('server.pem'), key: pem('server.key') };
  const client = { certificate: pem('client.pem'), privateKey: pem('client.key') };
  const strict = { ...server, ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true };
  const once = { retry: { delays: [] } };
  const fate = async (receiver: Receiver): Promise<string> => {
    const id = await receiver.publish();
    return eventually(async () => {
      const { status, attemptLog } = await receiver.delivery(id);
      return status === 'delivered' ? status : status === 'dead' && `${attemptLog[0]!.errorClass}`;
    });
  };

  it('trusts a root of one’s own, and only that', async () => {
    const sink = await cluster.sink(undefined, server);
    expect(await fate(await Receiver.of({ tls: { ca: pem('ca.pem') } }, sink))).toBe('delivered');
    expect(await fate(await Receiver.of(once, sink))).toBe('tls');
    expect(await fate(await Receiver.of({ ...once, tls: client }, sink))).toBe('tls');
  });

  it('shows a client certificate to a server that wants one', async () => {
    const names: unknown[] = [];
    const sink = await cluster.sink((_received, response, request) => {
      names.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
      response.end();
    }, strict);
    expect(await fate(await Receiver.of({ tls: { ...client, ca: pem('ca.pem') } }, sink))).toBe('delivered');
    expect(names).toEqual(['posthorn test client']);
    expect(await fate(await Receiver.of({ ...once, tls: { ca: pem('ca.pem') } }, sink))).not.toBe('delivered');
    expect(sink.received).toHaveLength(1);
  });

  it('does not use a connection that was made with other credentials', async () => {
    const sink = await cluster.sink(undefined, strict);
    const receiver = await Receiver.of({ ...once, tls: { ...client, ca: pem('ca.pem') } }, sink);
    expect(await fate(receiver)).toBe('delivered');
    await receiver.put({ ...once, tls: { ca: pem('ca.pem') } });
    expect(await fate(receiver)).not.toBe('delivered');
  });

  it.each([
    [{ tls: { certificate: pem('client.pem'), privateKey: pem('other.key') } }, 'tls.privateKey'],
    [{ tls: { certificate: pem('expired.pem'), privateKey: pem('client.key') } }, 'tls.certificate'],
    [{ tls: { certificate: pem('client.pem'), privateKey: '***' } }, 'tls.privateKey'],
    [{ tls: {} }, 'tls'],
    [{ tls: { ca: pem('ca.pem') }, url: 'http://127.0.0.1:9/' }, 'tls'],
    [{ tls: { ca: pem('ca.pem') }, type: 'pull', url: null }, 'tls'],
  ])('is refused when it cannot work (%#)', async (settings, field) => {
    await cluster.channel('tls');
    const answer = await cluster.api<ProblemAnswer>('PUT', '/v1/channels/tls/consumers/c', { url: 'https://127.0.0.1:9/', ...settings });
    expect(answer.body).toMatchObject({ code: 'validation-failed', field });
    expect(JSON.stringify(answer.body)).not.toContain('PRIVATE');
  });
});
