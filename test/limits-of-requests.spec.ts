import { connect, type Socket } from 'node:net';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';

const MOST_CONNECTIONS = 10;

let cluster: Cluster;
const sockets: Socket[] = [];

beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { REQUEST_TIMEOUT_MS: '1000', MAX_CONNECTIONS: String(MOST_CONNECTIONS) });
  await cluster.channel('orders');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => cluster.stop());

/** A connection, what it has been told so far, and whether the server has ended it. */
function open(text: string): { socket: Socket; told: () => string; ended: () => boolean } {
  let [told, ended] = ['', false];
  const socket = connect(Number(new URL(cluster.url).port), '127.0.0.1', () => socket.write(text, 'latin1'));
  socket.on('data', (chunk) => (told += chunk.toString('latin1'))).on('error', () => undefined);
  socket.on('close', () => (ended = true));
  sockets.push(socket);
  return { socket, told: () => told, ended: () => ended };
}

const head = `POST /v1/channels/orders/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\n`;

it('ends a connection whose headers, or whose body, come drop by drop, whatever keeps dripping', async () => {
  const dripping = [open(head), open(`${head}content-length: 1000\r\n\r\n`), open('')];
  const [headers, body] = dripping;
  const timer = setInterval(() => {
    headers!.socket.write('x-drop: 1\r\n');
    body!.socket.write('x');
  }, 100);
  try {
    await eventually(() => headers!.ended() && body!.ended());
  } finally {
    clearInterval(timer);
  }
  for (const one of [headers, body]) {
    expect(one!.told()).toMatch(/^HTTP\/1\.1 408 /);
    expect(one!.told()).toContain('"code":"request-timeout"');
  }
  // Nothing of what was dripped is stored, and others were served meanwhile.
  await cluster.publish('orders', 'x');
  const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message');
  expect(row!.n).toBe('1');
});

it('takes no more connections than it may, and takes them again when some have gone', async () => {
  const many = Array.from({ length: 3 * MOST_CONNECTIONS }, () =>
    open(`GET /v1/channels HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\n\r\n`),
  );
  await eventually(() => many.every((one) => one.ended() || one.told() !== ''));
  const served = many.filter((one) => one.told() !== '');
  expect(served.length).toBeGreaterThan(0);
  expect(served.length).toBeLessThanOrEqual(MOST_CONNECTIONS);
  for (const { socket } of served) socket.destroy();
  await eventually(async () => (await cluster.api('GET', '/v1/channels')).status === 200);
});

it('refuses more than 128 headers, of which none is left out silently, and more than 16 KiB', async () => {
  const passedOn = (count: number): string => Array.from({ length: count }, (_all, n) => `x-${n}: 1\r\n`).join('');
  const last = 'posthorn-priority: 11\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx';
  const [few, many, large] = [
    open(head + passedOn(100) + last),
    open(head + passedOn(1_200) + last),
    open(`${head}x-large: ${'x'.repeat(17_000)}\r\n${last}`),
  ];
  await eventually(() => [few, many, large].every((one) => one.ended()));
  expect(few.told()).toContain('Posthorn-Priority');
  expect(many.told()).toMatch(/^HTTP\/1\.1 431 [^]*"code":"header-too-large"[^]*128/);
  expect(large.told()).toMatch(/^HTTP\/1\.1 431 [^]*"code":"header-too-large"/);
});

it('refuses compressed bodies on every route that takes one', async () => {
  for (const [method, path] of [
    ['PUT', '/v1/channels/zipped'],
    ['POST', '/v1/keys'],
    ['POST', '/v1/channels/orders/messages'],
  ] as const) {
    for (const encoding of ['gzip', 'deflate', 'br', 'identity, gzip', 'x-unknown']) {
      const { status, body } = await cluster.api<{ code: string }>(method, path, '{}', {
        'content-type': 'application/json',
        'content-encoding': encoding,
      });
      expect([path, encoding, status, body.code]).toEqual([path, encoding, 415, 'unsupported-media-type']);
    }
  }
  expect((await cluster.api('GET', '/v1/channels/zipped')).status).toBe(404);
});
