import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { health } from './support/metrics.js';

/** A lock is waited for 2 s: two writes that wait for one keep a connection, one after the other, for longer than others wait for it. */
const TIMEOUT_MS = 3_000;
/** For a machine that has other things to do. */
const SLACK_MS = 2_000;
/** Of four connections of ingest, one is for reads and management. */
const SETTINGS = { DATABASE_POOL: '4', DATABASE_TIMEOUT_MS: String(TIMEOUT_MS), DATABASE_QUEUE: '20' };

interface Problem {
  code: string;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, SETTINGS);
  for (const name of ['held', 'free']) await cluster.channel(name);
});
afterAll(() => cluster.stop());

/** Does something while a transaction of somebody else holds the row of a channel. */
async function whileHeld<T>(channel: string, work: () => Promise<T>): Promise<T> {
  let holds = (): void => undefined;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (holds = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  const transaction = cluster.database.transaction('hold', async (session) => {
    await session.query('SELECT id FROM channel WHERE name = ? FOR UPDATE', [channel]);
    holds();
    await released;
  });
  try {
    await held;
    return await work();
  } finally {
    release();
    await transaction;
  }
}

/** The answer, and how long it took. */
async function timed<T extends { status: number }>(asked: Promise<T>): Promise<T & { ms: number }> {
  const began = performance.now();
  const answer = await asked;
  return { ...answer, ms: performance.now() - began };
}

const put = (channel: string) => timed(cluster.api<Problem>('PUT', `/v1/channels/${channel}`, { description: 'x' }));
const get = (channel: string) => timed(cluster.api<Problem>('GET', `/v1/channels/${channel}`));
const publish = (channel: string, key?: string) =>
  timed(cluster.api<Problem>('POST', `/v1/channels/${channel}/messages`, 'x', { 'content-type': 'text/plain' }, key));

const expectBusy = ({ status, body, headers, ms }: Awaited<ReturnType<typeof get>>): void => {
  expect([status, body.code]).toEqual([503, 'database-busy']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(ms).toBeLessThan(2 * TIMEOUT_MS + SLACK_MS);
};

it('reads that find all connections in use get 503 in bounded time, while publishing goes on, with a key that was never seen too', async () => {
  const { key } = await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'p', scopes: ['publish:free'] });
  await whileHeld('held', async () => {
    const stuck = [put('held'), put('held'), put('held')];
    await meanwhile(100);
    const reads = Array.from({ length: 5 }, () => get('free'));
    for (let n = 0; n < 20; n++) {
      const published = await publish('free', key);
      expect(published.status).toBe(201);
      expect(published.ms).toBeLessThan(SLACK_MS);
    }
    expect(await health(cluster.ingest, 'ready')).toBe(200);
    for (const one of await Promise.all([...stuck, ...reads])) expectBusy(one);
  });
  await eventually(async () => (await get('free')).status === 200);
  expect((await put('held')).status).toBe(200);
});

it('reads beyond DATABASE_QUEUE that would wait for a connection are refused at once', async () => {
  const waiting: ReturnType<typeof get>[] = [];
  await whileHeld('held', async () => {
    waiting.push(put('held'));
    await meanwhile(100);
    waiting.push(...Array.from({ length: 20 }, () => get('free')));
    await meanwhile(100);
    for (const one of await Promise.all(Array.from({ length: 10 }, () => get('free')))) {
      expectBusy(one);
      expect(one.ms).toBeLessThan(TIMEOUT_MS / 2);
    }
  });
  for (const one of await Promise.all(waiting)) expect(one.status).toBe(200);
});

it('publishing to a channel that somebody has locked is answered with 503 in bounded time, and reads go on', async () => {
  await whileHeld('held', async () => {
    const stuck = [publish('held'), publish('held')];
    await meanwhile(100);
    for (let n = 0; n < 20; n++) {
      const read = await get('free');
      expect(read.status).toBe(200);
      expect(read.ms).toBeLessThan(SLACK_MS);
    }
    for (const one of await Promise.all(stuck)) expectBusy(one);
  });
  expect((await publish('held')).status).toBe(201);
  expect((await publish('free')).status).toBe(201);
});

it('a table that somebody has locked holds nothing up for longer than a statement may take', async () => {
  await cluster.database.pinned(async (session) => {
    await session.query('LOCK TABLES message WRITE');
    const [read, published] = await Promise.all([timed(cluster.api<Problem>('GET', '/v1/channels/free/messages')), publish('free')]);
    for (const one of [read, published]) {
      expect(one.status).toBe(503);
      expect(one.body.code).toMatch(/^database-(busy|unavailable)$/);
      expect(one.ms).toBeLessThan(2 * TIMEOUT_MS + SLACK_MS);
    }
  });
  await eventually(async () => (await publish('free')).status === 201);
});
