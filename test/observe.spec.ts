import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { NameServer } from './support/name-server.js';

interface AttemptView {
  number: number;
  startedAt: string;
  durationMs: number;
  dnsMs: number | null;
  connectMs: number | null;
  firstByteMs: number | null;
  httpCode: number | null;
  errorClass: string | null;
  nextAttemptAt: string | null;
  node: number | null;
  requestHeaders: Record<string, string> | null;
  rebuilt: boolean;
  responseHeaders: Record<string, string> | null;
  response: string | null;
}
interface Delivery {
  message: string;
  consumer: string;
  status: string;
  lastError: string | null;
  nextAttemptAt: string | null;
  test: boolean;
  attemptLog: AttemptView[];
  cursor: string | null;
}
interface List<Item> {
  items: Item[];
  cursor: string | null;
}

let cluster: Cluster;
let names: NameServer;
beforeAll(async () => {
  names = await NameServer.open((name) => (name === 'shop.test' ? ['127.0.0.1'] : undefined));
  cluster = await Cluster.start({}, { DNS_SERVERS: names.address });
});
afterAll(async () => {
  await cluster.stop();
  names.close();
});

const deliveryOf = (channel: string, id: string, consumer: string, query = ''): Promise<Delivery> =>
  cluster.ok('GET', `/v1/channels/${channel}/messages/${id}/deliveries/${consumer}${query}`);
const finished = (channel: string, id: string, consumer: string): Promise<Delivery> =>
  eventually(async () => {
    const delivery = await deliveryOf(channel, id, consumer);
    return ['delivered', 'dead'].includes(delivery.status) && delivery;
  });

describe('attempts', () => {
  const retry = { delays: [0.01] };

  it('a failed one shows what was sent and answered, without its secrets, and how long each phase took', async () => {
    const sink = await cluster.sink((_received, response) => {
      response.writeHead(500, { 'set-cookie': ['session=1', 'b=2'], 'x-trace': 'abc', 'retry-after': '0' });
      response.end('x'.repeat(5_000));
    });
    await cluster.channel('failed', { retry });
    await cluster.consumer('failed', 'c', sink.url.replace('127.0.0.1', 'shop.test'), {
      headers: { 'X-Tenant': 'blue', 'X-Api-Key': 'very-secret', Cookie: 'a=very-secret' },
      auth: { type: 'basic', username: 'u', password: 'very-secret' },
    });
    const id = await cluster.publish('failed', 'hello', {
      'posthorn-type': 'order.paid',
      'posthorn-header-authorization': 'Bearer very-secret',
    });
    const delivery = await finished('failed', id, 'c');
    expect(delivery).toMatchObject({ status: 'dead', lastError: 'http-status', test: false, cursor: null });
    const [first, second] = delivery.attemptLog;
    expect(first).toMatchObject({ number: 1, httpCode: 500, errorClass: 'http-status', rebuilt: false, node: expect.any(Number) });
    const { headers } = sink.received[0]!;
    expect(first!.requestHeaders).toEqual({
      'content-type': 'text/plain',
      'webhook-id': id,
      'webhook-timestamp': headers['webhook-timestamp'],
      'webhook-signature': headers['webhook-signature'],
      'posthorn-channel': 'failed',
      'posthorn-consumer': 'c',
      'posthorn-attempt': '1',
      'posthorn-priority': '0',
      'posthorn-type': 'order.paid',
      'user-agent': expect.any(String),
      'accept-encoding': 'identity',
      authorization: '***',
      'X-Tenant': 'blue',
      'X-Api-Key': '***',
      Cookie: '***',
    });
    expect(first!.responseHeaders).toMatchObject({ 'set-cookie': '***', 'x-trace': 'abc', 'retry-after': '0' });
    expect(first!.response).toHaveLength(4_096);
    expect(JSON.stringify(delivery)).not.toContain('very-secret');
    expect(first!.nextAttemptAt).not.toBeNull();
    const { dnsMs, connectMs, firstByteMs, durationMs } = first!;
    for (const phase of [dnsMs, connectMs, firstByteMs]) expect(phase).toBeGreaterThanOrEqual(0);
    // Each is rounded by itself.
    expect(dnsMs! + connectMs!).toBeLessThanOrEqual(firstByteMs! + 2);
    expect(firstByteMs).toBeLessThanOrEqual(durationMs + 1);
    expect(second).toMatchObject({ number: 2, nextAttemptAt: null });
  });

  it('one on a connection that was there already has no phases before the first byte', async () => {
    const sink = await cluster.sink();
    await cluster.channel('reused');
    await cluster.consumer('reused', 'c', sink.url, { maxInFlight: 1 });
    const attempts: AttemptView[] = [];
    for (let n = 0; n < 2; n++) attempts.push((await finished('reused', await cluster.publish('reused', 'x'), 'c')).attemptLog[0]!);
    expect(attempts[0]).toMatchObject({ dnsMs: null, connectMs: expect.any(Number), firstByteMs: expect.any(Number) });
    expect(attempts[1]).toMatchObject({ dnsMs: null, connectMs: null, firstByteMs: expect.any(Number) });
  });

  it('one that found nobody has neither a connection nor an answer', async () => {
    await cluster.channel('nobody', { retry });
    await cluster.consumer('nobody', 'c', 'http://127.0.0.1:9/');
    const { attemptLog } = await finished('nobody', await cluster.publish('nobody', 'x'), 'c');
    expect(attemptLog[0]).toMatchObject({ errorClass: 'connection-refused', connectMs: null, firstByteMs: null, responseHeaders: null });
    expect(attemptLog[0]!.requestHeaders).toHaveProperty('webhook-id');
  });

  it('a delivered one is shown as it was sent, made again without secrets and signatures, until the consumer changes', async () => {
    const sink = await cluster.sink();
    await cluster.channel('again');
    const settings = { headers: { 'X-Api-Key': 'very-secret', 'X-Tenant': 'blue' }, signature: { header: 'X-Sig', idHeader: 'X-Id' } };
    await cluster.consumer('again', 'c', sink.url, { ...settings, auth: { type: 'bearer', token: 'very-secret' } });
    const id = await cluster.publish('again', 'x', { 'posthorn-header-x-own': 'mine', 'posthorn-type': 'a.b' });
    const [attempt] = (await finished('again', id, 'c')).attemptLog;
    expect(attempt).toMatchObject({ errorClass: null, rebuilt: true, responseHeaders: null, response: null });
    const sent = { ...sink.received[0]!.headers };
    for (const name of ['host', 'connection', 'content-length']) delete sent[name];
    const masked = { 'webhook-signature': '***', 'x-sig': '***', 'x-api-key': '***', authorization: '***' };
    const lower = Object.fromEntries(Object.entries(attempt!.requestHeaders!).map(([name, value]) => [name.toLowerCase(), value]));
    expect(lower).toEqual({ ...sent, ...masked });
    await cluster.consumer('again', 'c', sink.url, { ...settings, description: 'changed' });
    expect((await deliveryOf('again', id, 'c')).attemptLog[0]).toMatchObject({ requestHeaders: null, rebuilt: false });
  });

  it('come in pages, first to last', async () => {
    const sink = await cluster.sink();
    sink.answersStatus(503, { 'retry-after': '0' });
    await cluster.channel('many', { retry: { delays: [0, 0, 0, 0, 0, 0] } });
    await cluster.consumer('many', 'c', sink.url);
    const id = await cluster.publish('many', 'x');
    await finished('many', id, 'c');
    const numbers: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Delivery = await deliveryOf('many', id, 'c', `?limit=3${cursor && `&cursor=${cursor}`}`);
      numbers.push(...page.attemptLog.map(({ number }) => number));
      cursor = page.cursor;
    }
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('say whether they were a test', async () => {
    const sink = await cluster.sink();
    await cluster.channel('tested');
    await cluster.consumer('tested', 'c', sink.url);
    const { message } = await cluster.ok<{ message: string }>('POST', '/v1/channels/tested/consumers/c/test', {});
    expect(await deliveryOf('tested', message, 'c')).toMatchObject({ test: true });
  });
});

describe('search', () => {
  const base = '/v1/channels/found';
  const ids: Record<string, string> = {};
  let between: string;

  beforeAll(async () => {
    const sink = await cluster.sink((received, response) => void response.writeHead(received.body.toString() === 'bad' ? 400 : 200).end());
    await cluster.channel('found', { retry: { delays: [], permanentStatuses: [400] } });
    await cluster.consumer('found', 'a', sink.url);
    await cluster.consumer('found', 'b', sink.url, { filter: { types: ['order.*'] } });
    await cluster.ok('PUT', '/v1/producers/shop', {});
    const { key } = await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'p', scopes: ['publish:found'], producer: 'shop' });
    const publish = async (name: string, body: string, headers: Record<string, string>, as?: string): Promise<void> => {
      const answer = await cluster.api<{ id: string }>('POST', `${base}/messages`, body, headers, as);
      ids[name] = answer.body.id;
    };
    await publish('paid', 'good', { 'posthorn-type': 'order.paid', 'posthorn-key': 'k 1' });
    await publish('lost', 'bad', { 'posthorn-type': 'order.lost' }, key);
    await eventually(() => cluster.idle());
    // Ids of the same millisecond are on one side of it.
    between = await eventually(() => {
      const now = new Date().toISOString();
      return now > new Date(Number(BigInt(ids['lost']!) >> 22n) + Date.UTC(2025, 0, 1)).toISOString() && now;
    });
    await publish('user', 'bad', { 'posthorn-type': 'user.gone' });
    await eventually(() => cluster.idle());
  });

  const namesOf = async (path: string): Promise<string[]> => {
    const { items, cursor } = await cluster.ok<List<{ id?: string; message?: string; consumer?: string }>>('GET', `${base}/${path}`);
    expect(cursor).toBeNull();
    return items.map((item) => {
      const name = Object.keys(ids).find((one) => ids[one] === (item.id ?? item.message)) ?? '';
      return item.consumer === undefined ? name : `${name} ${item.consumer}`;
    });
  };

  it('finds messages by type, time, producer and ordering key', async () => {
    expect(await namesOf('messages')).toEqual(['user', 'lost', 'paid']);
    expect(await namesOf('messages?type=order.*')).toEqual(['lost', 'paid']);
    expect(await namesOf('messages?type=order.paid&status=out-for-delivery')).toEqual(['paid']);
    expect(await namesOf('messages?status=acknowledged')).toEqual([]);
    expect(await namesOf('messages?producer=shop')).toEqual(['lost']);
    expect(await namesOf('messages?producer=nobody')).toEqual([]);
    expect(await namesOf('messages?key=k%201')).toEqual(['paid']);
    expect(await namesOf(`messages?from=${between}`)).toEqual(['user']);
    expect(await namesOf(`messages?to=${between}&type=*.paid`)).toEqual(['paid']);
  });

  it('finds deliveries of a consumer and of a channel by status, type, error class and time', async () => {
    expect(await namesOf('consumers/a/deliveries')).toEqual(['user a', 'lost a', 'paid a']);
    expect(await namesOf('consumers/a/deliveries?status=dead')).toEqual(['user a', 'lost a']);
    expect(await namesOf('consumers/a/deliveries?status=delivered&type=order.*')).toEqual(['paid a']);
    expect(await namesOf('consumers/a/deliveries?status=queued')).toEqual([]);
    expect(await namesOf('deliveries')).toEqual(['user a', 'lost b', 'lost a', 'paid b', 'paid a']);
    expect(await namesOf('deliveries?status=dead&type=order.*')).toEqual(['lost b', 'lost a']);
    expect(await namesOf('deliveries?status=retry-delivery')).toEqual([]);
    expect(await namesOf(`deliveries?errorClass=http-status&from=${between}`)).toEqual(['user a']);
    expect(await namesOf(`deliveries?errorClass=http-status&to=${between}`)).toEqual(['lost b', 'lost a']);
    expect(await namesOf('deliveries?errorClass=timeout')).toEqual([]);
  });

  it('finds dead letters by reason, class, type and time, and redrives those', async () => {
    const letters = (query: string) => namesOf(`consumers/a/dead-letters${query}`);
    expect(await letters('')).toEqual(['user', 'lost']);
    expect(await letters('?reason=permanent-status&errorClass=http-status&type=user.*')).toEqual(['user']);
    expect(await letters('?errorClass=timeout')).toEqual([]);
    expect(await letters(`?to=${between}`)).toEqual(['lost']);
    const redrive = (body: object) => cluster.ok<{ count: number }>('POST', `${base}/consumers/a/dead-letters/redrive`, body);
    expect(await redrive({ type: 'user.*', errorClass: 'timeout', dryRun: true })).toMatchObject({ count: 0 });
    expect(await redrive({ type: 'user.*', errorClass: 'http-status', dryRun: true })).toMatchObject({ count: 1 });
  });

  it('shows the deliveries of a message in pages, the oldest consumer first', async () => {
    const path = `${base}/messages/${ids['lost']}`;
    type Message = { deliveries: { consumer: string }[]; cursor: string | null };
    const first = await cluster.ok<Message>('GET', `${path}?limit=1`);
    expect(first.deliveries.map(({ consumer }) => consumer)).toEqual(['a']);
    const second = await cluster.ok<Message>('GET', `${path}?limit=1&cursor=${first.cursor}`);
    expect(second.deliveries.map(({ consumer }) => consumer)).toEqual(['b']);
    expect(second.cursor).toBeNull();
    expect((await cluster.ok<Message>('GET', path)).deliveries).toHaveLength(2);
  });

  it('a cursor is taken by the list and with the filters that it came from, and unchanged', async () => {
    const { cursor } = await cluster.ok<List<unknown>>('GET', `${base}/deliveries?limit=1&type=*`);
    const status = async (path: string, with_ = cursor) => {
      const answer = await cluster.api<{ code: string; field: string }>('GET', `${path}&cursor=${with_}`);
      if (answer.status !== 200) expect(answer.body).toMatchObject({ code: 'validation-failed', field: 'cursor' });
      return answer.status;
    };
    expect(await status(`${base}/deliveries?limit=2&type=*`)).toBe(200);
    expect(await status(`${base}/deliveries?type=*&status=dead`)).toBe(400);
    expect(await status(`${base}/deliveries?limit=1`)).toBe(400);
    expect(await status(`${base}/consumers/a/deliveries?type=*`)).toBe(400);
    expect(await status('/v1/channels/failed/deliveries?type=*')).toBe(400);
    const [place, sum] = cursor!.split('.') as [string, string];
    const moved = Buffer.from(JSON.stringify(['1', '1'])).toString('base64url');
    for (const bad of [place, `${moved}.${sum}`, `${place}.${'A'.repeat(12)}`, `${cursor}x`, ''])
      expect([bad, await status(`${base}/deliveries?type=*`, bad)]).toEqual([bad, 400]);
    expect((await cluster.api('GET', `${base}/deliveries?type=*&cursor=${cursor}x`, undefined, {}, null)).status).toBe(401);
  });

  it.each([
    ['messages', 'type=a%20b', 'type'],
    ['messages', 'status=lost', 'status'],
    ['messages', 'from=yesterday', 'from'],
    ['messages', 'producer=a%2Fb', 'producer'],
    ['messages', 'limit=501', 'limit'],
    ['deliveries', 'errorClass=bad-luck', 'errorClass'],
    ['deliveries', 'limit=0', 'limit'],
    ['consumers/a/deliveries', 'status=lost', 'status'],
    ['consumers/a/dead-letters', 'errorClass=bad-luck', 'errorClass'],
    ['consumers/a/dead-letters', `type=${'a'.repeat(201)}`, 'type'],
  ])('refuses %s?%s by the name of the field', async (path, query, field) => {
    const { status, body } = await cluster.api('GET', `${base}/${path}?${query}`);
    expect([status, body]).toEqual([400, expect.objectContaining({ code: 'validation-failed', field })]);
  });
});

it('a payload comes byte for byte, in a form that no browser runs, and HEAD says how large it is', async () => {
  await cluster.channel('html');
  const script = '<script>alert(1)</script>';
  const id = await cluster.publish('html', script, { 'content-type': 'text/html' });
  const path = `/v1/channels/html/messages/${id}/payload`;
  const { body, headers, status } = await cluster.api<string>('GET', path);
  expect([status, body]).toEqual([200, script]);
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'text/html',
    'content-disposition': `attachment; filename="${id}"`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'accept-ranges': 'none',
    'cache-control': 'no-store',
  });
  const head = await cluster.api('HEAD', path);
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(script.length)]);
  expect((await cluster.api('GET', path, undefined, { range: 'bytes=0-3' })).status).toBe(200);
});
