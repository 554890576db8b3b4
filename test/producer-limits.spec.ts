import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import type { AppProcess } from './support/processes.js';

interface Published {
  id: string;
  deliveries: number;
  warning?: string;
  code: string;
  detail: string;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 });
  await cluster.channel('orders');
  await cluster.consumer('orders', 'c', 'http://127.0.0.1:9/');
});
afterAll(() => cluster.stop());

const keyWith = async (rateLimit: object | null, scopes = ['publish:orders']): Promise<{ id: string; key: string }> =>
  cluster.ok('POST', '/v1/keys', { name: 'limited', scopes, rateLimit });
const publish = (key: string, channel = 'orders') => cluster.api<Published>('POST', `/v1/channels/${channel}/messages`, 'x', {}, key);
const messages = async (): Promise<number> => {
  const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message');
  return Number(row!.n);
};

/** How many of as many requests as can be sent within `ms` are let through. */
async function letThrough(key: string, urls: readonly string[], ms: number): Promise<number> {
  let through = 0;
  const until = performance.now() + ms;
  for (let n = 0; performance.now() < until; n++) {
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        fetch(`${urls[(n + i) % urls.length]}/v1/channels/orders/messages`, {
          method: 'POST',
          body: 'x',
          headers: { authorization: `Bearer ${key}` },
        }),
      ),
    );
    for (const answer of answers) {
      await answer.arrayBuffer();
      if (answer.status === 201) through++;
      else expect(answer.status).toBe(429);
    }
    await meanwhile(5);
  }
  return through;
}

const urlOf = (ingest: AppProcess): string => `http://127.0.0.1:${ingest.field('ingest.ready', 'port')}`;

describe('the rate of a key', () => {
  it('lets its burst through, refuses the rest with the fields that say when to come again, and stores nothing of it', async () => {
    const { key } = await keyWith({ perSecond: 0.5, burst: 3 });
    const before = await messages();
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await publish(key));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 429, 429]);
    expect(answers[0]!.headers.get('ratelimit-policy')).toBe('"key";q=3;w=6');
    expect(answers[0]!.headers.get('ratelimit')).toMatch(/^"key";r=2;t=[12]$/);
    expect(answers[3]!.headers.get('ratelimit')).toMatch(/^"key";r=0;t=[56]$/);
    expect(answers[3]!.headers.get('retry-after')).toMatch(/^[12]$/);
    expect(answers[3]!.headers.get('content-type')).toBe('application/problem+json');
    expect(answers[3]!.body).toMatchObject({ code: 'too-many-requests' });
    expect(answers[3]!.body.detail).toContain('0.5 a second and 3 at once');
    expect(await messages()).toBe(before + 3);
    expect(await metric(cluster.ingest, 'posthorn_rate_limited_total')).toBeGreaterThanOrEqual(2);
  });

  it('is charged by every other request too, and by none that has no right', async () => {
    const { key } = await keyWith({ perSecond: 0.01, burst: 2 }, ['read']);
    const ask = (path: string) => cluster.api<Published>('GET', path, undefined, {}, key);
    expect((await publish(key)).status).toBe(403);
    expect((await ask('/v1/channels')).status).toBe(200);
    expect((await ask('/v1/channels/nowhere')).status).toBe(404);
    expect((await ask('/v1/channels')).status).toBe(429);
  });

  it('says nothing to keys without one, nor to the admin key', async () => {
    const { key } = await keyWith(null);
    for (const answer of [await publish(key), await cluster.api('GET', '/v1/channels')]) {
      expect(answer.headers.get('ratelimit')).toBeNull();
      expect(answer.headers.get('ratelimit-policy')).toBeNull();
    }
  });

  it('is shown, changed and taken away by PATCH, within 2 seconds, with a row in the audit', async () => {
    const { id, key } = await keyWith({ perSecond: 0.01, burst: 1 });
    const shown = async () =>
      (await cluster.ok<{ items: { id: string; rateLimit: unknown }[] }>('GET', '/v1/keys')).items.find((one) => one.id === id)!.rateLimit;
    expect(await shown()).toEqual({ perSecond: 0.01, burst: 1 });
    expect([(await publish(key)).status, (await publish(key)).status]).toEqual([201, 429]);
    const changed = await cluster.ok<{ rateLimit: unknown }>('PATCH', `/v1/keys/${id}`, { rateLimit: { perSecond: 1000 } });
    expect(changed.rateLimit).toEqual({ perSecond: 1000, burst: 1000 });
    await eventually(async () => (await publish(key)).status === 201, 5_000);
    expect(await cluster.ok('PATCH', `/v1/keys/${id}`, { rateLimit: null })).toMatchObject({ rateLimit: null });
    expect(await shown()).toBeNull();
    await eventually(async () => (await publish(key)).headers.get('ratelimit') === null, 5_000);
    const { items } = await cluster.ok<{ items: { resource: string; method: string; fields: string[] }[] }>('GET', '/v1/audit');
    expect(items[0]).toMatchObject({ method: 'PATCH', resource: `/v1/keys/${id}`, fields: ['rateLimit'] });
  });

  it.each([
    ['a rate of 0', { perSecond: 0 }, 'rateLimit.perSecond'],
    ['a burst of a half', { perSecond: 1, burst: 0.5 }, 'rateLimit.burst'],
    ['a field that is none', { perSecond: 1, perMinute: 1 }, 'rateLimit.perMinute'],
    ['a text', 'fast', 'rateLimit'],
  ])('cannot be %s', async (_what, rateLimit, field) => {
    const made = await cluster.api<{ code: string; field: string }>('POST', '/v1/keys', { name: 'k', scopes: ['read'], rateLimit });
    expect([made.status, made.body.code, made.body.field]).toEqual([400, 'validation-failed', field]);
    const { id } = await keyWith(null);
    const changed = await cluster.api<{ code: string; field: string }>('PATCH', `/v1/keys/${id}`, { rateLimit });
    expect([changed.status, changed.body.field]).toEqual([400, field]);
  });

  it('cannot be changed for a key that is not there or was revoked, nor by a body that does not say it', async () => {
    const { id } = await keyWith(null);
    expect((await cluster.api('PATCH', `/v1/keys/${id}`, {})).status).toBe(400);
    await cluster.ok('DELETE', `/v1/keys/${id}`);
    for (const gone of [id, '0123456789abcdef', 'x']) {
      expect((await cluster.api('PATCH', `/v1/keys/${gone}`, { rateLimit: null })).status).toBe(404);
    }
  });

  it('holds over two ingest processes, and belongs to the one that is left when the other is gone', async () => {
    const perSecond = 20;
    const burst = 10;
    const { key } = await keyWith({ perSecond, burst });
    const first = cluster.ingest;
    const second = await cluster.startIngest();
    cluster.ingest = first;
    const urls = [urlOf(first), urlOf(second)];
    // Each has counted both by now, and used up what it had saved.
    await letThrough(key, urls, 2_500);
    const together = await letThrough(key, urls, 3_000);
    expect(together).toBeGreaterThanOrEqual(3 * perSecond * 0.7);
    expect(together).toBeLessThanOrEqual(3 * perSecond * 1.1 + burst);
    expect(await second.stop()).toBe(0);
    await letThrough(key, urls.slice(0, 1), 2_500);
    const alone = await letThrough(key, urls.slice(0, 1), 3_000);
    expect(alone).toBeGreaterThanOrEqual(3 * perSecond * 0.7);
    expect(alone).toBeLessThanOrEqual(3 * perSecond * 1.1 + burst);
  });
});

describe('the warning of a message that nobody gets', () => {
  it('says that a channel has no consumers, or none whose filter matches, and is counted', async () => {
    await cluster.channel('empty');
    await cluster.channel('picky');
    await cluster.consumer('picky', 'c', 'http://127.0.0.1:9/', { filter: { types: ['paid'] } });
    const say = (channel: string, headers = {}) => cluster.api<Published>('POST', `/v1/channels/${channel}/messages`, 'x', headers);
    expect((await say('empty')).body).toMatchObject({ deliveries: 0, warning: 'no-consumers', status: 'out-for-delivery' });
    expect((await say('picky')).body).toMatchObject({ deliveries: 0, warning: 'no-consumer-matches' });
    const matched = await say('picky', { 'posthorn-type': 'paid' });
    expect([matched.status, matched.body.deliveries, 'warning' in matched.body]).toEqual([201, 1, false]);
    expect(await metric(cluster.ingest, 'posthorn_unrouted_total', 'no-consumers')).toBe(1);
    expect(await metric(cluster.ingest, 'posthorn_unrouted_total', 'no-consumer-matches')).toBe(1);
  });
});

describe('the backlog of a channel', () => {
  const unfinished = async (channel: string): Promise<number> => {
    const [row] = await cluster.database.query<{ n: string }[]>(
      `SELECT COUNT(*) AS n FROM delivery d JOIN consumer c ON c.id = d.consumer_id JOIN channel h ON h.id = c.channel_id
        WHERE h.name = ? AND d.status NOT IN (5, 6)`,
      [channel],
    );
    return Number(row!.n);
  };
  const fill = (channel: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => cluster.api<Published>('POST', `/v1/channels/${channel}/messages`, 'x')));

  const isFull = (channel: string, headers: Record<string, string> = {}) =>
    eventually(async () => (await cluster.api('POST', `/v1/channels/${channel}/messages`, 'x', headers)).status === 429);

  it('is refused from its limit on, as a whole and with Retry-After, and taken again once it is worked off', async () => {
    await cluster.channel('small', { maxBacklog: 20 });
    await cluster.consumer('small', 'a', 'http://127.0.0.1:9/');
    await cluster.consumer('small', 'b', 'http://127.0.0.1:9/');
    await fill('small', 10);
    await isFull('small');
    const refused = await cluster.api<Published>('POST', '/v1/channels/small/messages', 'x', { 'idempotency-key': 'again' });
    expect(refused.status).toBe(429);
    expect(refused.body.code).toBe('backlog-full');
    expect(refused.body.detail).toContain('20');
    expect(refused.headers.get('retry-after')).toBe('5');
    const before = await unfinished('small');
    expect((await fill('small', 10)).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 429));
    expect(await unfinished('small')).toBe(before);
    expect(await metric(cluster.ingest, 'posthorn_accepted_total', 'backlog-full')).toBeGreaterThanOrEqual(11);
    expect((await cluster.api('POST', '/v1/channels/orders/messages', 'x')).status).toBe(201);

    const sink = await cluster.sink();
    for (const name of ['a', 'b']) await cluster.consumer('small', name, sink.url);
    const dispatcher = await cluster.startDispatcher();
    const taken = await eventually(async () => {
      const answer = await cluster.api<Published>('POST', '/v1/channels/small/messages', 'x', { 'idempotency-key': 'again' });
      return answer.status < 300 && answer;
    });
    await eventually(() => sink.ids.filter((id) => id === taken.body.id).length === 2);
    await dispatcher.kill();
  });

  it('is not the answer to a repeat of what is stored, which adds nothing', async () => {
    const post = (key: string, payload = 'x') =>
      cluster.api<Published>('POST', '/v1/channels/repeats/messages', payload, { 'idempotency-key': key });
    type Batch = { results: (Published & { problem?: { code: string } })[]; code: string };
    const batch = (items: object[], query = '') => cluster.api<Batch>('POST', `/v1/channels/repeats/messages/batch${query}`, items);
    const item = (idempotencyKey: string, payload: unknown = 1) => ({ payload, idempotencyKey });
    await cluster.channel('repeats', { maxBacklog: 5 });
    await cluster.consumer('repeats', 'c', 'http://127.0.0.1:9/');
    const first = (await post('single')).body;
    const two = (await batch([item('b1'), item('b2')])).body.results.map(({ id }) => id);
    await isFull('repeats');
    const before = await unfinished('repeats');

    const again = await post('single');
    expect([again.status, again.body]).toEqual([200, { id: first.id, status: 'out-for-delivery', deliveries: 1 }]);
    expect((await post('new')).body.code).toBe('backlog-full');
    expect((await post('single', 'another body')).body.code).toBe('idempotency-conflict');

    const whole = await batch([item('b1'), item('b2'), item('b1')]);
    expect([whole.status, whole.body.results.map(({ id }) => id)]).toEqual([200, [two[0], two[1], two[0]]]);
    const mixed = await batch([item('b1'), item('b3')]);
    expect([mixed.status, mixed.body.code, mixed.headers.get('retry-after')]).toEqual([429, 'backlog-full', '5']);
    expect((await batch([{ payload: 1 }])).body.code).toBe('backlog-full');
    expect((await batch([item('b1'), item('b2', 2)])).body.code).toBe('idempotency-conflict');

    const many = Array.from({ length: 700 }, (_, n) => item(`n${n}`));
    const each = await batch([item('b1'), ...many, item('b2', 2), { payload: 1 }], '?atomic=false');
    expect(each.status).toBe(207);
    expect(each.body.results[0]!.id).toBe(two[0]);
    expect(each.body.results.slice(1).map(({ problem }) => problem?.code)).toEqual([
      ...many.map(() => 'backlog-full'),
      'idempotency-conflict',
      'backlog-full',
    ]);
    expect(await unfinished('repeats')).toBe(before);
  });

  it('has the same limit for what is scheduled, which holds up nothing else', async () => {
    const LATER = { 'posthorn-delay': '3600' };
    const post = (headers: Record<string, string>) => cluster.api<Published>('POST', '/v1/channels/later/messages', 'x', headers);
    const scheduled = async (): Promise<number> =>
      (await cluster.ok<{ items: unknown[] }>('GET', '/v1/channels/later/messages?status=scheduled')).items.length;
    await cluster.channel('later', { maxBacklog: 5 });
    await cluster.consumer('later', 'c', 'http://127.0.0.1:9/');
    const first = await post({ ...LATER, 'idempotency-key': 'k' });
    await isFull('later', LATER);
    const before = await scheduled();
    expect(before).toBeGreaterThanOrEqual(5);
    const refused = await post(LATER);
    expect([refused.status, refused.body.code]).toEqual([429, 'backlog-full']);
    expect(refused.body.detail).toContain('scheduled');
    const again = await post({ ...LATER, 'idempotency-key': 'k' });
    expect([again.status, again.body]).toEqual([200, first.body]);
    const batch = (items: object[]) => cluster.api('POST', '/v1/channels/later/messages/batch', items);
    expect((await batch([{ payload: 1 }, { payload: 1, delaySeconds: 60 }])).status).toBe(429);
    expect((await batch([{ payload: 1 }])).status).toBe(201);
    expect((await post({})).status).toBe(201);
    expect(await scheduled()).toBe(before);
    const { items } = await cluster.ok<{ items: { id: string }[] }>('GET', '/v1/channels/later/messages?status=scheduled');
    for (const { id } of items) await cluster.ok('DELETE', `/v1/channels/later/messages/${id}`);
    await eventually(async () => (await post(LATER)).status === 201);
  });

  it('counts retries that wait and messages that are not fanned out yet', async () => {
    await cluster.channel('waiting', { maxBacklog: 5 });
    await cluster.consumer('waiting', 'c', 'http://127.0.0.1:9/', { retry: { delays: [3600] } });
    const dispatcher = await cluster.startDispatcher();
    await fill('waiting', 5);
    await eventually(async () => {
      const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM retry');
      return Number(row!.n) >= 5;
    });
    await eventually(async () => (await fill('waiting', 1))[0]!.status === 429);
    await dispatcher.kill();
    const ingest = cluster.ingest;
    const inline = await cluster.startIngest({ INLINE_FANOUT: '1' });
    await cluster.channel('large', { maxBacklog: 10 });
    for (let n = 0; n < 3; n++) await cluster.consumer('large', `c${n}`, 'http://127.0.0.1:9/');
    await fill('large', 4);
    expect(await unfinished('large')).toBe(0);
    await eventually(async () => (await fill('large', 1))[0]!.status === 429);
    // Of a key that is in order one is to be fanned out, and the others wait behind it.
    await cluster.channel('keyed', { maxBacklog: 12 });
    for (let n = 0; n < 3; n++) await cluster.consumer('keyed', `c${n}`, 'http://127.0.0.1:9/', { ordering: 'key' });
    for (let n = 0; n < 4; n++) await cluster.publish('keyed', 'x', { 'posthorn-key': 'k' });
    await isFull('keyed', { 'posthorn-key': 'k' });
    const [waiting] = await cluster.database.query<{ n: string }[]>(
      `SELECT COUNT(*) AS n FROM fanout_waiting WHERE channel_id = (SELECT id FROM channel WHERE name = 'keyed')`,
    );
    expect(Number(waiting!.n)).toBeGreaterThanOrEqual(3);
    cluster.ingest = ingest;
    await inline.kill();
  });

  it('has the limit that the channel says now, or else the operator', async () => {
    const ingest = cluster.ingest;
    const strict = await cluster.startIngest({ MAX_BACKLOG: '1', KEY_RATE_PER_SECOND: '1000' });
    try {
      await cluster.channel('plain');
      await cluster.consumer('plain', 'c', 'http://127.0.0.1:9/');
      await eventually(async () => (await fill('plain', 1))[0]!.status === 429);
      await cluster.channel('plain', { maxBacklog: 1000 });
      const taken = await eventually(async () => {
        const [answer] = await fill('plain', 1);
        return answer!.status === 201 && answer!;
      });
      expect(taken.headers.get('ratelimit')).toBeNull();
      expect(await cluster.ok('GET', '/v1/channels/plain')).toMatchObject({ maxBacklog: 1000 });
      const { key } = await keyWith(null);
      expect((await publish(key)).headers.get('ratelimit-policy')).toBe('"key";q=1000;w=1');
    } finally {
      cluster.ingest = ingest;
      await strict.kill();
    }
  });

  it.each([0, -1, 1.5, 10_000_001, 'many'])('cannot have the limit %j', async (maxBacklog) => {
    const answer = await cluster.api<{ code: string; detail: string }>('PUT', '/v1/channels/wrong', { maxBacklog });
    expect([answer.status, answer.body.code]).toEqual([400, 'validation-failed']);
    expect(answer.body.detail).toContain('maxBacklog');
  });
});
