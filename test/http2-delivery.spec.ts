import { constants } from 'node:http2';
import { Cluster } from './support/cluster.js';
import { pem } from './support/certificates.js';
import { eventually } from './support/eventually.js';
import { Http2Sink } from './support/http2-sink.js';
import { expectAllDelivered, failedAttemptsOf } from './support/outcome.js';
import { Wire } from './support/wire.js';

let cluster: Cluster;
const sinks: Http2Sink[] = [];
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 1 });
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all(sinks.map((sink) => sink.close()));
});

let channels = 0;
/** A channel of its own with one consumer of HTTP/2. */
async function listening(settings: Record<string, unknown> = {}, options = {}, through = async (url: string): Promise<string> => url) {
  const sink = await Http2Sink.open(options);
  sinks.push(sink);
  const channel = `h${++channels}`;
  await cluster.channel(channel, { retry: { delays: Array.from({ length: 20 }, () => 0.05) } });
  await cluster.consumer(channel, 'c', await through(sink.url), { tls: { ca: pem('ca.pem') }, ...settings });
  const publish = (bodies: readonly string[]) => Promise.all(bodies.map((body) => cluster.publish(channel, body)));
  return { sink, channel, publish };
}
const delivered = (channel: string, ids: readonly string[]) =>
  eventually(async () => {
    for (const id of ids) if ((await cluster.delivery(channel, id, 'c')).status !== 'delivered') return false;
    return true;
  }, 30_000);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `body ${n}`);

it('deliveries go over HTTP/2, many at once on one connection, with the request that HTTP/1.1 would have', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 50, headers: { 'X-Own': 'mine' } });
  sink.answers((_heard, response) => void setTimeout(() => response.end('ok'), 20));
  const ids = await publish(numbers(100));
  await delivered(channel, ids);
  expect(sink.ids.toSorted()).toEqual(ids.toSorted());
  expect(sink.heard.map(({ body }) => body).toSorted()).toEqual(numbers(100).toSorted());
  expect(new Set(sink.heard.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['2.0']));
  expect(sink.connections).toBe(1);
  expect(sink.mostAtOnce).toBeGreaterThan(1);
  expect(sink.heard[0]!.headers).toMatchObject({
    ':method': 'POST',
    ':path': '/hook?a=b',
    ':authority': new URL(sink.url).host,
    'content-type': 'text/plain',
    'accept-encoding': 'identity',
    'posthorn-attempt': '1',
    'webhook-signature': expect.stringMatching(/^v1,/),
    'x-own': 'mine',
  });
  const signed = sink.heard.map(({ headers }) => headers['webhook-signature']);
  expect(new Set(signed).size).toBe(ids.length);
});

it('a stream that hangs holds none of its neighbours, is given up at its deadline, and its connection goes on', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 4, timeoutMs: 6_000 });
  let hung = 0;
  sink.answers(({ body }, response) => {
    if (body === 'hang' && hung++ === 0) return;
    response.end('ok');
  });
  const [hanging] = await publish(['hang']);
  await eventually(() => hung === 1);
  const others = await publish(numbers(20));
  await delivered(channel, others);
  await delivered(channel, [hanging!]);
  // Its second attempt came after all of theirs.
  expect(sink.ids.lastIndexOf(hanging!)).toBe(sink.ids.length - 1);
  const { attemptLog } = await cluster.delivery(channel, hanging!, 'c');
  expect(attemptLog.map(({ errorClass }) => errorClass)).toEqual(['timeout', null]);
  await delivered(channel, await publish(numbers(5)));
  expect(sink.connections).toBe(1);
});

it('a server that says goodbye again and again gets each message once, and no attempt fails', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 10 });
  sink.answers((_heard, response, request) => {
    setTimeout(() => response.end('ok'), 10);
    if (sink.heard.length % 7 === 0) request.stream.session?.close();
  });
  const ids = (await Promise.all([publish(numbers(60)), publish(numbers(60))])).flat();
  await delivered(channel, ids);
  expect(sink.ids.toSorted()).toEqual(ids.toSorted());
  expect(await failedAttemptsOf(cluster, channel)).toBe(0);
  expect(sink.connections).toBeGreaterThan(3);
});

it('no more streams are open than the server allows, and further connections are made instead', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 6 }, { settings: { maxConcurrentStreams: 2 } });
  sink.answers((_heard, response) => void setTimeout(() => response.end('ok'), 30));
  const ids = await publish(numbers(40));
  await delivered(channel, ids);
  expect(sink.mostAtOnce).toBe(2);
  expect(sink.connections).toBeLessThanOrEqual(6);
  expect(await failedAttemptsOf(cluster, channel)).toBe(0);
});

it('a stream that was refused is sent again within its attempt; one that was reset, or whose connection broke, is an attempt that failed', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 1 });
  const seen = new Map<string, number>();
  sink.answers(({ body, connection }, response, { stream }) => {
    const times = (seen.get(body) ?? 0) + 1;
    seen.set(body, times);
    if (times > 1) response.end('ok');
    else if (body === 'refused') stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else if (body === 'reset') stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else if (body === 'cancelled') stream.close(constants.NGHTTP2_CANCEL);
    else if (body === 'broken') sink.breakOff(connection);
    else if (body === 'half') {
      response.writeHead(500).write('so far');
      setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 50);
    } else if (body === 'angry') stream.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  const bodies = ['refused', 'reset', 'cancelled', 'broken', 'half', 'angry'];
  const ids = await publish(bodies);
  await delivered(channel, ids);
  const classes = await Promise.all(
    ids.map(async (id, n) => [bodies[n], (await cluster.delivery(channel, id, 'c')).attemptLog.map(({ errorClass }) => errorClass)]),
  );
  expect(classes).toEqual([
    ['refused', [null]],
    ['reset', ['connection-reset', null]],
    ['cancelled', ['connection-reset', null]],
    ['broken', ['connection-reset', null]],
    ['half', ['connection-reset', null]],
    ['angry', [expect.stringMatching(/connection-reset|invalid-response/), null]],
  ]);
});

it('answers that are too long are read no further, those with headers that are too large are refused, and the connection goes on', async () => {
  const { sink, channel, publish } = await listening({ maxInFlight: 1 });
  let large = 0;
  sink.answers(({ body }, response) => {
    if (body === 'headers' && large++ === 0) response.writeHead(200, { x: 'x'.repeat(20_000) });
    if (body === 'long') response.write(Buffer.alloc(40_000));
    response.end('ok');
  });
  // On the very first stream, before which the sizes have to be settled.
  const [headers] = await publish(['headers']);
  await delivered(channel, [headers!]);
  const [long] = await publish(['long']);
  await delivered(channel, [long!]);
  expect((await cluster.delivery(channel, long!, 'c')).attempts).toBe(1);
  const { attemptLog } = await cluster.delivery(channel, headers!, 'c');
  expect(attemptLog.map(({ errorClass }) => errorClass)).toEqual(['invalid-response', null]);
  expect(sink.connections).toBe(1);
});

it('a connection that is dead without having said so holds up nobody but those that were on it', async () => {
  let wire!: Wire;
  const { channel, publish } = await listening({ maxInFlight: 4, timeoutMs: 1_000 }, {}, async (url) => {
    wire = await Wire.open(url);
    return wire.url;
  });
  await delivered(channel, await publish(['first']));
  wire.hang();
  const ids = await publish(['lost']);
  await eventually(async () => (await cluster.delivery(channel, ids[0]!, 'c')).attempts === 1);
  await wire.restore();
  ids.push(...(await publish(numbers(5))));
  await delivered(channel, ids);
  expect(wire.connections).toBeGreaterThan(1);
  await wire.close();
});

it('a consumer that speaks HTTP/1.1 alone gets HTTP/1.1, and so does everybody where HTTP/2 is turned off', async () => {
  const old = await cluster.sink((_received, response) => void setTimeout(() => response.end('ok'), 20), {
    cert: pem('server.pem'),
    key: pem('server.key'),
  });
  await cluster.channel('old');
  await cluster.consumer('old', 'c', old.url, { tls: { ca: pem('ca.pem') }, maxInFlight: 5 });
  const ids = await Promise.all(numbers(30).map((body) => cluster.publish('old', body)));
  await expectAllDelivered(cluster, 'old', ids, [old]);
  expect(await failedAttemptsOf(cluster, 'old')).toBe(0);

  await Promise.all(cluster.processes.filter(({ app }) => app === 'dispatcher').map((one) => one.stop()));
  await cluster.startDispatcher({ HTTP2_TARGETS: 'false' });
  const { sink, channel, publish } = await listening();
  await delivered(channel, await publish(numbers(3)));
  expect(sink.heard.map(({ httpVersion }) => httpVersion)).toEqual(['1.1', '1.1', '1.1']);
});
