import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { KeyRing } from '@app/domain';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';

interface ProblemAnswer {
  code: string;
  detail: string;
  field?: string;
  errors?: { field: string; message: string }[];
  requestId?: string;
}
interface Key {
  id: string;
  key: string;
}
interface List<T> {
  items: T[];
  cursor: string | null;
}

describe('management', () => {
  const ring = randomBytes(32).toString('base64');
  let cluster: Cluster;
  let names = 0;

  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 0 }, { POSTHORN_SECRET_KEY: ring });
  });
  afterAll(() => cluster.stop());

  const put = <T = ProblemAnswer>(path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    cluster.api<T>('PUT', path, body, headers);
  const del = (path: string, headers: Record<string, string> = {}) => cluster.api<ProblemAnswer>('DELETE', path, undefined, headers);
  const get = <T = ProblemAnswer>(path: string, key?: string | null) => cluster.api<T>('GET', path, undefined, {}, key);
  const hook = { url: 'http://127.0.0.1:9/hook' };

  async function channel(): Promise<string> {
    const name = `channel-${++names}`;
    await cluster.channel(name);
    return `/v1/channels/${name}`;
  }
  async function newKey(scopes: string[], more: Record<string, unknown> = {}): Promise<Key> {
    return cluster.ok<Key>('POST', '/v1/keys', { name: 'test', scopes, ...more });
  }

  const send = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    put('/v1/channels/body', body, headers);

  async function raw(text: string): Promise<string> {
    const socket = connect(Number(new URL(cluster.url).port), '127.0.0.1');
    socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }
  async function graveyard(count: number): Promise<string> {
    const base = await channel();
    const path = `${base}/consumers/dead`;
    await put(path, { ...hook, disabled: true });
    for (const _ of Array.from({ length: count })) await cluster.publish(base.split('/').at(-1)!, 'x');
    const where = `JOIN consumer c ON c.id = r.consumer_id JOIN channel h ON h.id = c.channel_id WHERE h.name = '${base.split('/').at(-1)}'`;
    await cluster.database.query(
      `INSERT INTO dead_letter (consumer_id, message_id, reason) SELECT r.consumer_id, r.message_id, 'attempts-exhausted' FROM ready r ${where}`,
    );
    await cluster.database.query(
      `UPDATE delivery r ${where.replace('WHERE', "SET r.status = 6, r.error_class = 'timeout', r.attempts = 11 WHERE")}`,
    );
    await cluster.database.query(`DELETE r FROM ready r ${where}`);
    return path;
  }
  const act = (path: string, verb: string, body: unknown = {}) =>
    cluster.api<{ count: number; more: boolean }>('POST', `${path}/dead-letters/${verb}`, body);
  const left = async (path: string) => (await get<List<{ message: string }>>(`${path}/dead-letters`)).body.items;

  describe('PUT', () => {
    it('creates with 201, then replaces with 200, and omitted fields go back to their defaults', async () => {
      const first = await put<{ description: string; version: number; retry: unknown }>('/v1/channels/put-1', {
        description: 'a',
        retry: { delays: [1, 2.5] },
      });
      expect([first.status, first.headers.get('etag'), first.body]).toMatchObject([
        201,
        '"1"',
        { description: 'a', retry: { delays: [1, 2.5] }, version: 1 },
      ]);
      const second = await put('/v1/channels/put-1');
      expect([second.status, second.headers.get('etag'), second.body]).toMatchObject([
        200,
        '"2"',
        { name: 'put-1', description: '', retry: null, version: 2 },
      ]);
      expect((await put('/v1/producers/put-1', { description: 'x' })).status).toBe(201);
      expect((await put('/v1/producers/put-1')).body).toMatchObject({ description: '', version: 2 });
    });

    it('takes an empty body as all defaults', async () => {
      expect((await cluster.api('PUT', '/v1/channels/put-empty')).status).toBe(201);
    });

    it.each(['/v1/channels/race', '/v1/producers/race', '/v1/channels/race/consumers/race'])(
      'makes one creation of many first PUTs at once: %s',
      async (path) => {
        if (path.includes('consumers')) await cluster.channel('race');
        const answers = await Promise.all(
          Array.from({ length: 12 }, () => put<{ signingSecret?: string }>(path, path.includes('consumers') ? hook : {})),
        );
        expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 11 }, () => 200), 201]);
        expect(answers.filter(({ body }) => body.signingSecret !== undefined)).toHaveLength(path.includes('consumers') ? 1 : 0);
        expect((await get<{ version: number }>(path)).body.version).toBe(12);
      },
    );

    it('honours If-Match and If-None-Match', async () => {
      const path = '/v1/channels/match';
      expect((await put(path, {}, { 'if-match': '*' })).body.code).toBe('precondition-failed');
      expect((await put(path, {}, { 'if-none-match': '*' })).status).toBe(201);
      expect((await put(path, {}, { 'if-none-match': '*' })).status).toBe(412);
      expect((await put(path, {}, { 'if-match': '"7"' })).status).toBe(412);
      expect((await put(path, {}, { 'if-match': 'W/"1"' })).status).toBe(412);
      expect((await put(path, {}, { 'if-match': '"7", "1"' })).status).toBe(200);
      expect((await put(path, {}, { 'if-match': '*' })).status).toBe(200);
      expect((await put(path, {}, { 'if-match': 'nonsense' })).body).toMatchObject({ code: 'validation-failed', field: 'If-Match' });
      expect((await del(path, { 'if-match': '"1"' })).status).toBe(412);
      expect((await del(path, { 'if-match': '"3"' })).status).toBe(204);
    });

    it('lets one of many writers with the same If-Match win', async () => {
      await put('/v1/channels/one-wins');
      const answers = await Promise.all(Array.from({ length: 8 }, () => put('/v1/channels/one-wins', {}, { 'if-match': '"1"' })));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 412)).toHaveLength(7);
    });
  });

  describe('validation', () => {
    it.each([
      [{ url: 'https://example.com', nonsense: 1 }, 'nonsense', /not exist/],
      [{ type: 'pigeon', url: 'https://example.com' }, 'type', /push, pull/],
      [{}, 'url', /needed/],
      [{ type: 'pull', url: 'https://example.com' }, 'url', /left out/],
      [{ url: 'https://10.1.2.3/' }, 'url', /not allowed/],
      [{ url: 'https://[::ffff:169.254.169.254]/' }, 'url', /not allowed/],
      [{ url: 'https://user:pw@example.com/' }, 'url', /password/],
      [{ url: 'ftp://example.com/' }, 'url', /https/],
      [{ ...hook, timeoutMs: 99 }, 'timeoutMs', /100/],
      [{ ...hook, timeoutMs: 120_001 }, 'timeoutMs', /120000/],
      [{ ...hook, maxInFlight: 0 }, 'maxInFlight', /1/],
      [{ ...hook, maxInFlight: 1.5 }, 'maxInFlight', /integer/],
      [{ ...hook, description: 'x'.repeat(1001) }, 'description', /1000/],
      [{ ...hook, disabled: 'yes' }, 'disabled', /boolean/],
      [{ ...hook, retry: { attempts: 0 } }, 'retry.attempts', /1 to 100/],
      [{ ...hook, retry: { delays: [1, -1] } }, 'retry.delays.1', /0 to/],
      [{ ...hook, retry: 'often' }, 'retry', /object/],
      [{ ...hook, headers: { 'webhook-id': 'x' } }, 'headers.webhook-id', /reserved/],
      [{ ...hook, headers: { 'x-a': 'b\r\nc: d' } }, 'headers.x-a', /control/],
      [{ ...hook, headers: [] }, 'headers', /object/],
      [{ ...hook, rateLimit: { perSecond: 0 } }, 'rateLimit.perSecond', /0.001 to 100000/],
      [{ ...hook, rateLimit: { perSecond: 1, burst: 0 } }, 'rateLimit.burst', /1 to 100000/],
      [{ ...hook, rateLimit: 5 }, 'rateLimit', /perSecond and burst/],
      [{ ...hook, filter: { where: {} } }, 'filter.where', /not a part of a filter/],
      [{ ...hook, batch: {} }, 'batch.maxMessages', /1 to 100/],
      [{ ...hook, auth: {} }, 'auth.type', /basic, bearer, oauth2/],
      [{ ...hook, ordering: 'strict' }, 'ordering', /none, key/],
      [{ ...hook, orderingExhausted: 'skip' }, 'orderingExhausted', /block, dead-letter/],
    ])('refuses a consumer %j, naming %s', async (body, field, message) => {
      await cluster.channel('valid');
      const answer = await put('/v1/channels/valid/consumers/c', body);
      expect([answer.status, answer.body.code]).toEqual([400, 'validation-failed']);
      expect(answer.body.errors).toEqual(expect.arrayContaining([{ field, message: expect.stringMatching(message) }]));
      expect((await get('/v1/channels/valid/consumers/c')).status).toBe(404);
    });

    it('takes every field of this version', async () => {
      const path = `${await channel()}/consumers/all`;
      const settings = {
        type: 'push',
        ...hook,
        description: 'd',
        timeoutMs: 100,
        maxInFlight: 1000,
        retry: { delays: [0.5] },
        headers: { 'x-team': 'b' },
        disabled: false,
        ordering: 'key',
        orderingExhausted: 'dead-letter',
      };
      expect((await put(path, settings)).body).toMatchObject(settings);
      expect((await get(path)).body).toMatchObject(settings);
      expect((await put(path, { type: 'pull' })).body).toMatchObject({
        type: 'pull',
        url: null,
        timeoutMs: null,
        retry: null,
        headers: {},
        ordering: 'none',
        orderingExhausted: 'block',
      });
    });

    it('refuses names that nothing can have: 400 when made, 404 when asked for', async () => {
      for (const name of ['a%20b', 'a%2Fb', 'x'.repeat(101), '%C3%A9']) {
        expect((await put(`/v1/channels/${name}`)).body).toMatchObject({ code: 'validation-failed', field: 'channel' });
        expect((await get(`/v1/channels/${name}`)).body.code).toBe('not-found');
        expect((await del(`/v1/channels/${name}`)).body.code).toBe('not-found');
      }
      expect((await put(`/v1/channels/${'x'.repeat(201)}`)).body.code).toBe('uri-too-long');
      expect((await put('/v1/producers/a%20b')).body.field).toBe('producer');
      expect((await put(`${await channel()}/consumers/a%20b`, hook)).body.field).toBe('consumer');
    });

    it('refuses bodies that are not JSON objects, too large or compressed', async () => {
      expect((await send('{"description": ')).body.code).toBe('malformed-json');
      expect((await send('[]')).body).toMatchObject({ code: 'validation-failed', field: 'body' });
      expect((await send('{"__proto__": {"description": "x"}}')).body).toMatchObject({ code: 'validation-failed', field: '__proto__' });
      expect((await send('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).body.code).toBe('unsupported-media-type');
      expect((await send('{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' })).body.code).toBe(
        'unsupported-media-type',
      );
      expect((await send(JSON.stringify({ description: 'x'.repeat(262_144) }))).body.code).toBe('payload-too-large');
      expect((await get('/v1/channels/body')).status).toBe(404);
    });

    it.each(['limit=0', 'limit=501', 'limit=x', 'cursor=x', 'cursor=WyJ4Il0', 'cursor=WyIxIiwiMiJd', 'nonsense=1'])(
      'refuses a list with %s',
      async (query) => {
        const answer = await get(`/v1/channels?${query}`);
        expect(answer.body).toMatchObject({
          code: 'validation-failed',
          errors: [{ field: query.split('=')[0] }, ...(query === 'limit=x' ? [{}, {}] : [])],
        });
      },
    );

    it('answers every request with an id, also a sane one that came with it', async () => {
      const answer = await get('/v1/channels/nowhere');
      expect(answer.headers.get('x-request-id')).toBe(answer.body.requestId);
      const mine = await cluster.api<ProblemAnswer>('GET', '/v1/channels/nowhere', undefined, { 'x-request-id': 'mine-1' });
      expect([mine.headers.get('x-request-id'), mine.body.requestId]).toEqual(['mine-1', 'mine-1']);
      const odd = await cluster.api<ProblemAnswer>('GET', '/v1/channels/nowhere', undefined, { 'x-request-id': 'a b"<c>' });
      expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect((await get('/v1/%zz')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('answers what is no HTTP, or has too large headers, and closes', async () => {
      const said = await Promise.all(
        ['nonsense\r\n\r\n', `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`].map((text) => raw(text)),
      );
      expect(said[0]).toMatch(/^HTTP\/1\.1 400 [^]*"code":"validation-failed"/);
      expect(said[1]).toMatch(/^HTTP\/1\.1 431 [^]*"code":"header-too-large"/);
    });

    it.each(['PATCH', 'QUERY'])('tells an unknown path from an unknown method: %s', async (method) => {
      for (const body of [undefined, 'no JSON'])
        expect((await cluster.api<ProblemAnswer>(method, '/v1/nothing', body)).body.code).toBe('not-found');
      for (const body of [undefined, 'no JSON', '"no object"']) {
        const answer = await cluster.api<ProblemAnswer>(method, '/v1/channels/x', body);
        expect([answer.status, answer.body.code, answer.headers.get('allow')]).toEqual([
          405,
          'method-not-allowed',
          expect.stringContaining('PUT'),
        ]);
      }
    });
  });

  describe('lists', () => {
    it('give every item once, newest first, page by page', async () => {
      const base = await channel();
      for (const index of Array.from({ length: 7 }).keys()) await put(`${base}/consumers/c${index}`, hook);
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: List<{ name: string }> = (
          await get<List<{ name: string }>>(`${base}/consumers?limit=3${cursor && `&cursor=${cursor}`}`)
        ).body;
        seen.push(...page.items.map(({ name }) => name));
        cursor = page.cursor;
      }
      expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    });

    it('show what waits for each consumer', async () => {
      const base = await channel();
      await put(`${base}/consumers/waits`, { ...hook, disabled: true });
      await cluster.publish(base.split('/').at(-1)!, 'hello');
      const { items } = (await get<List<Record<string, unknown>>>('/v1/status?limit=1')).body;
      expect(items).toEqual([
        {
          channel: base.split('/').at(-1),
          consumer: 'waits',
          paused: false,
          disabled: true,
          held: true,
          breaker: 'closed',
          failingSince: null,
          ready: 1,
          waiting: 0,
          blockedKeys: 0,
          oldestReadyAt: expect.any(String),
          deadLetters: 0,
          capped: false,
        },
      ]);
    });
  });

  describe('consumers', () => {
    it('get their signing secret once, sealed for their own row, and another one when it is rotated', async () => {
      const path = `${await channel()}/consumers/s`;
      const sealed = async () =>
        (await cluster.database.query<{ s: string }[]>("SELECT signing_secret AS s FROM consumer WHERE name = 's'"))[0]!.s;
      const context = `consumer/${path.split('/')[3]}/s`;
      const { signingSecret } = (await put<{ signingSecret: string }>(path, hook)).body;
      expect(signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(KeyRing.parse(ring).open(await sealed(), context)).toBe(signingSecret);
      expect((await put(path, hook)).body).not.toHaveProperty('signingSecret');
      expect(JSON.stringify((await get(path)).body)).not.toContain('ecret');
      const rotated = await cluster.ok<{ signingSecret: string }>('POST', `${path}/rotate-secret`);
      expect(rotated.signingSecret).not.toBe(signingSecret);
      expect(KeyRing.parse(ring).open(await sealed(), context)).toBe(rotated.signingSecret);
    });

    it('are paused and resumed, again and again, and a pause survives a replacement', async () => {
      const path = `${await channel()}/consumers/p`;
      await put(path, hook);
      expect(await cluster.ok('POST', `${path}/pause`)).toMatchObject({ paused: true, version: 2 });
      expect(await cluster.ok('POST', `${path}/pause`)).toMatchObject({ paused: true, version: 2 });
      expect((await put(path, hook)).body).toMatchObject({ paused: true });
      expect(await cluster.ok('POST', `${path}/resume`)).toMatchObject({ paused: false });
      expect(await cluster.ok('POST', `${path}/resume`)).toMatchObject({ paused: false, version: 4 });
    });

    it('are disabled by PUT and enabled by PUT alone, also after a 410', async () => {
      const path = `${await channel()}/consumers/d`;
      expect((await put(path, { ...hook, disabled: true })).body).toMatchObject({ disabled: true, disabledReason: 'operator' });
      expect(await cluster.ok('POST', `${path}/resume`)).toMatchObject({ disabled: true });
      expect((await put(path, hook)).body).toMatchObject({ disabled: false, disabledReason: null });
      await cluster.database.query("UPDATE consumer SET disabled_at = NOW(3), disabled_reason = 'gone' WHERE name = 'd'");
      expect((await get(path)).body).toMatchObject({ disabled: true, disabledReason: 'gone' });
      expect((await put(path, { ...hook, disabled: true })).body).toMatchObject({ disabledReason: 'gone' });
      expect((await put(path, { ...hook, disabled: false })).body).toMatchObject({ disabled: false, disabledReason: null });
    });

    it('are not deleted while deliveries are unfinished, unless forced', async () => {
      const base = await channel();
      const path = `${base}/consumers/busy`;
      await put(path, { ...hook, disabled: true });
      await cluster.publish(base.split('/').at(-1)!, 'x');
      const refused = await del(path);
      expect([refused.body.code, refused.body.detail]).toEqual([
        'conflict',
        expect.stringContaining('1 deliveries that are due or in flight'),
      ]);
      await cluster.database.query(
        `INSERT INTO retry (due_at, message_id, consumer_id, prio_rank, attempts) SELECT NOW(3) + INTERVAL 1 DAY, r.message_id, r.consumer_id, r.prio_rank, 1
           FROM ready r JOIN consumer c ON c.id = r.consumer_id WHERE c.name = 'busy'`,
      );
      await cluster.database.query("DELETE r FROM ready r JOIN consumer c ON c.id = r.consumer_id WHERE c.name = 'busy'");
      expect((await del(path)).body.detail).toContain('1 deliveries that wait for a retry');
      expect((await del(`${path}?force=maybe`)).body.field).toBe('force');
      expect((await del(`${path}?force=true`)).status).toBe(204);
      expect((await del(path)).status).toBe(404);
      expect((await del(base)).status).toBe(204);
    });

    it('hold up the deletion of their channel, unless it is forced', async () => {
      const base = await channel();
      await put(`${base}/consumers/c`, hook);
      expect((await del(base)).body.code).toBe('conflict');
      expect((await del(`${base}?force=true`)).status).toBe(204);
      expect((await get(`${base}/consumers/c`)).status).toBe(404);
      expect(
        await cluster.database.query('SELECT 1 FROM consumer c LEFT JOIN channel h ON h.id = c.channel_id WHERE h.id IS NULL'),
      ).toEqual([]);
    });

    it('cannot be put on a channel that does not exist', async () => {
      expect((await put('/v1/channels/nowhere/consumers/c', hook)).body.code).toBe('not-found');
    });
  });

  describe('keys', () => {
    it('are shown once and stored as a hash', async () => {
      const { id, key } = await newKey(['read']);
      expect(key).toMatch(/^ph_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
      const list = await get<List<{ id: string; key?: string }>>('/v1/keys');
      expect(list.body.items.find((one) => one.id === id)).toEqual(expect.not.objectContaining({ key: expect.anything() }));
      const rows = await cluster.database.query<{ h: Buffer; all: string }[]>(
        'SELECT secret_hash AS h, JSON_ARRAY(id, name, scopes) AS `all` FROM api_key WHERE id = ?',
        [id],
      );
      expect(rows[0]!.h).toHaveLength(32);
      expect(JSON.stringify(rows)).not.toContain(key.slice(20));
      expect(cluster.ingest.output).not.toContain(key.slice(20));
    });

    it('are listed page by page, newest first', async () => {
      const made: string[] = [];
      for (const _ of Array.from({ length: 5 })) made.unshift((await newKey(['read'])).id);
      const first = (await get<List<{ id: string }>>('/v1/keys?limit=3')).body;
      const second = (await get<List<{ id: string }>>(`/v1/keys?limit=2&cursor=${first.cursor}`)).body;
      expect([...first.items, ...second.items].map(({ id }) => id).toSorted()).toEqual(made.toSorted());
    });

    it.each([
      [{ scopes: ['read'] }, 'name'],
      [{ name: 'x', scopes: [] }, 'scopes'],
      [{ name: 'x', scopes: ['read', 'everything'] }, 'scopes.1'],
      [{ name: 'x', scopes: ['publish:a b'] }, 'scopes.0'],
      [{ name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
      [{ name: 'x', scopes: ['read'], expiresAt: 'tomorrow' }, 'expiresAt'],
      [{ name: 'x', scopes: ['read'], producer: 'nobody' }, 'producer'],
      [{ name: 'x', scopes: ['read'], admin: true }, 'admin'],
    ])('refuses %j, naming %s', async (body, field) => {
      const answer = await cluster.api<ProblemAnswer>('POST', '/v1/keys', body);
      expect(answer.body).toMatchObject({ code: 'validation-failed' });
      expect(answer.body.errors?.map((error) => error.field)).toContain(field);
    });

    it.each([null, 'nonsense', 'ph_0123456789abcdef_' + 'a'.repeat(43), 'test-admin-key-012345678'])(
      'refuses the key %s with 401 and a challenge',
      async (key) => {
        const answer = await get('/v1/channels', key);
        expect([answer.status, answer.body.code, answer.headers.get('www-authenticate')]).toEqual([401, 'unauthorized', 'Bearer']);
      },
    );

    it('do not work with another secret', async () => {
      const { key } = await newKey(['read']);
      expect((await get('/v1/channels', key)).status).toBe(200);
      expect((await get('/v1/channels', key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'))).status).toBe(401);
    });

    it('are refused within 2 seconds of their revocation, which can be repeated', async () => {
      const { id, key } = await newKey(['read']);
      expect((await get('/v1/channels', key)).status).toBe(200);
      expect((await del(`/v1/keys/${id}`)).status).toBe(204);
      const revokedAt = performance.now();
      await eventually(async () => (await get('/v1/channels', key)).status === 401, 3000);
      expect(performance.now() - revokedAt).toBeLessThan(2000);
      expect((await del(`/v1/keys/${id}`)).status).toBe(204);
      expect((await del('/v1/keys/0000000000000000')).status).toBe(404);
      expect(
        (await get<List<{ id: string; revokedAt: string | null }>>('/v1/keys')).body.items.find((one) => one.id === id)?.revokedAt,
      ).toEqual(expect.any(String));
    });

    it('are refused within 2 seconds of a change of their scopes', async () => {
      const { id, key } = await newKey(['read']);
      expect((await get('/v1/channels', key)).status).toBe(200);
      await cluster.database.query('UPDATE api_key SET scopes = ? WHERE id = ?', ['["publish:x"]', id]);
      const changedAt = performance.now();
      await eventually(async () => (await get('/v1/channels', key)).status === 403, 3000);
      expect(performance.now() - changedAt).toBeLessThan(2000);
    });

    it('end when they expire', async () => {
      const { key } = await newKey(['read'], { expiresAt: new Date(Date.now() + 1500).toISOString() });
      expect((await get('/v1/channels', key)).status).toBe(200);
      await eventually(async () => (await get('/v1/channels', key)).status === 401, 4000);
    });

    it('name their producer, which stays while they are valid', async () => {
      await put('/v1/producers/shop');
      const { id } = await newKey(['publish:*'], { producer: 'shop' });
      expect((await get<List<{ id: string; producer: string }>>('/v1/keys?limit=1')).body.items).toMatchObject([{ id, producer: 'shop' }]);
      expect((await del('/v1/producers/shop')).body.code).toBe('conflict');
      await del(`/v1/keys/${id}`);
      expect((await del('/v1/producers/shop')).status).toBe(204);
    });
  });

  describe('rights', () => {
    const c = '/v1/channels/rights';
    const keys: Record<string, string> = {};

    beforeAll(async () => {
      await cluster.channel('rights');
      await put(`${c}/consumers/mine`, hook);
      await put(`${c}/consumers/other`, hook);
      for (const scope of ['read', 'manage:rights', 'manage:elsewhere', 'publish:rights', 'consume:rights/mine'])
        keys[scope] = (await newKey([scope])).key;
    });

    it.each([
      ['read', 'GET', '/v1/channels', 200],
      ['read', 'GET', `${c}/consumers/mine`, 200],
      ['read', 'GET', '/v1/keys', 200],
      ['read', 'GET', '/v1/status', 200],
      ['read', 'PUT', c, 403],
      ['read', 'POST', `${c}/messages`, 403],
      ['read', 'POST', `${c}/consumers/mine/pause`, 403],
      ['manage:rights', 'GET', '/v1/channels', 403],
      ['manage:rights', 'GET', '/v1/keys', 403],
      ['manage:rights', 'GET', c, 200],
      ['manage:rights', 'PUT', c, 200],
      ['manage:rights', 'GET', `${c}/consumers`, 200],
      ['manage:rights', 'GET', `${c}/messages`, 200],
      ['manage:rights', 'GET', `${c}/consumers/mine/deliveries`, 200],
      ['manage:rights', 'POST', `${c}/consumers/mine/dead-letters/redrive`, 200],
      ['manage:rights', 'POST', `${c}/messages`, 403],
      ['manage:rights', 'PUT', '/v1/producers/x', 403],
      ['manage:rights', 'POST', '/v1/keys', 403],
      ['publish:rights', 'POST', `${c}/messages`, 201],
      ['publish:rights', 'GET', `${c}/messages`, 403],
      ['publish:rights', 'POST', '/v1/channels/other/messages', 403],
      ['consume:rights/mine', 'GET', `${c}/consumers/mine`, 200],
      ['consume:rights/mine', 'GET', `${c}/consumers/mine/deliveries`, 200],
      ['consume:rights/mine', 'GET', `${c}/consumers/mine/dead-letters`, 200],
      ['consume:rights/mine', 'GET', `${c}/consumers/other`, 403],
      ['consume:rights/mine', 'POST', `${c}/consumers/mine/dead-letters/redrive`, 403],
      ['consume:rights/mine', 'GET', `${c}/consumers`, 403],
    ])('of %s: %s %s answers %i', async (scope, method, path, status) => {
      expect((await cluster.api(method, path, method === 'GET' ? undefined : {}, {}, keys[scope])).status).toBe(status);
    });

    it('are checked before anything is looked up: what exists and what does not answer alike', async () => {
      for (const path of [c, `${c}/consumers/mine`, `${c}/messages/1`]) {
        const there = await get(path, keys['manage:elsewhere']);
        const not = await get(path.replace('rights', 'nowhere'), keys['manage:elsewhere']);
        expect([there.status, not.status, there.body.code, not.body.code]).toEqual([403, 403, 'forbidden', 'forbidden']);
      }
      expect((await cluster.api<ProblemAnswer>('PUT', c, { nonsense: 1 }, {}, keys['read'])).body.code).toBe('forbidden');
    });

    it('let a manager create the channel of its name', async () => {
      expect((await cluster.api('PUT', '/v1/channels/elsewhere', {}, {}, keys['manage:elsewhere'])).status).toBe(201);
    });
  });

  describe('messages and deliveries', () => {
    it('are read with status, exact bytes and content type', async () => {
      const base = await channel();
      await put(`${base}/consumers/r`, { ...hook, disabled: true });
      const bytes = randomBytes(300);
      const id = await cluster.publish(base.split('/').at(-1)!, bytes, {
        'content-type': 'text/html',
        'posthorn-priority': '3',
        'posthorn-type': 'a.b',
        'posthorn-key': 'k',
      });
      const message = {
        id,
        status: 'out-for-delivery',
        priority: 3,
        type: 'a.b',
        key: 'k',
        contentType: 'text/html',
        size: 300,
        createdAt: expect.stringMatching(/\.\d{3}Z$/),
      };
      const delivery = { message: id, consumer: 'r', status: 'queued', attempts: 0, nextAttemptAt: null, lastError: null };
      expect((await get(`${base}/messages/${id}`)).body).toMatchObject({ ...message, deliveries: [delivery] });
      expect((await get<List<unknown>>(`${base}/messages`)).body.items).toMatchObject([message]);
      expect((await get(`${base}/messages/${id}/deliveries/r`)).body).toMatchObject({ ...delivery, attemptLog: [] });
      expect((await get<List<unknown>>(`${base}/consumers/r/deliveries?status=queued`)).body.items).toMatchObject([delivery]);
      expect((await get<List<unknown>>(`${base}/consumers/r/deliveries?status=dead`)).body.items).toEqual([]);
      expect((await get(`${base}/consumers/r/deliveries?status=lost`)).body.field).toBe('status');

      const payload = await fetch(`${cluster.url}${base}/messages/${id}/payload`, {
        headers: { authorization: 'Bearer test-admin-key-0123456789' },
      });
      expect(Buffer.from(await payload.arrayBuffer()).equals(bytes)).toBe(true);
      expect(Object.fromEntries(payload.headers)).toMatchObject({
        'content-type': 'text/html',
        'content-disposition': `attachment; filename="${id}"`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining('sandbox'),
      });
    });

    it('are not found under another channel, or an id that nothing can have', async () => {
      const [base, other] = [await channel(), await channel()];
      const id = await cluster.publish(base.split('/').at(-1)!, 'x');
      for (const path of [
        `${other}/messages/${id}`,
        `${other}/messages/${id}/payload`,
        `${base}/messages/0`,
        `${base}/messages/x`,
        `${base}/messages/99999999999999999999`,
        `${base}/messages/0${id}`,
      ]) {
        expect([path, (await get(path)).status]).toEqual([path, 404]);
      }
    });
  });

  describe('dead letters', () => {
    it('are listed with what killed them', async () => {
      const path = await graveyard(3);
      expect(await left(path)).toHaveLength(3);
      expect((await left(path))[0]).toMatchObject({
        reason: 'attempts-exhausted',
        attempts: 11,
        lastError: 'timeout',
        httpCode: null,
        diedAt: expect.any(String),
      });
      expect((await get<List<unknown>>(`${path}/dead-letters?reason=gone`)).body.items).toEqual([]);
      expect((await get<List<unknown>>(`${path}/dead-letters?from=2099-01-01T00:00:00Z`)).body.items).toEqual([]);
      expect((await get(`${path}/dead-letters?reason=boredom`)).body.field).toBe('reason');
    });

    it('are counted, redriven by id, then up to a limit, then all', async () => {
      const path = await graveyard(5);
      const [newest] = await left(path);
      expect((await act(path, 'redrive', { dryRun: true, limit: 2 })).body).toEqual({ count: 2, more: true });
      expect(await left(path)).toHaveLength(5);
      expect((await act(path, 'redrive', { messages: [newest!.message] })).body).toEqual({ count: 1, more: false });
      expect((await get(path.replace(/consumers.*/, `messages/${newest!.message}/deliveries/dead`))).body).toMatchObject({
        status: 'queued',
        lastError: null,
      });
      expect((await act(path, 'redrive', { limit: 2 })).body).toEqual({ count: 2, more: true });
      expect((await act(path, 'redrive')).body).toEqual({ count: 2, more: false });
      expect((await act(path, 'redrive')).body).toEqual({ count: 0, more: false });
      expect((await get<List<unknown>>(`${path}/deliveries?status=queued`)).body.items).toHaveLength(5);
    });

    it('are discarded for good; their deliveries stay dead', async () => {
      const path = await graveyard(3);
      expect((await act(path, 'discard', { to: '2020-01-01T00:00:00Z' })).body).toEqual({ count: 0, more: false });
      expect((await act(path, 'discard', { reason: 'attempts-exhausted' })).body).toEqual({ count: 3, more: false });
      expect(await left(path)).toEqual([]);
      expect((await get<List<unknown>>(`${path}/deliveries?status=dead`)).body.items).toEqual([]);
      const still = (await get<List<{ status: string }>>(`${path}/deliveries`)).body.items.map(({ status }) => status);
      expect(still).toEqual(['dead', 'dead', 'dead']);
    });

    it.each([
      { messages: [] },
      { messages: ['x'] },
      { messages: Array.from({ length: 501 }, () => '1') },
      { limit: 0 },
      { limit: 100_001 },
      { from: 'x' },
      { reason: 'x' },
      { all: true },
    ])('refuse %j', async (body) => {
      const path = `${await channel()}/consumers/c`;
      await put(path, hook);
      expect((await act(path, 'redrive', body)).body).toMatchObject({
        code: 'validation-failed',
        errors: [{ field: Object.keys(body)[0] }],
      });
    });
  });

  it('writes one line for every management write: who, what, from where', async () => {
    const { id, key } = await newKey(['manage:audited']);
    await cluster.api('PUT', '/v1/channels/audited', {}, { 'x-request-id': 'audit-1' }, key);
    const line = await eventually(() => cluster.ingest.lines.find((one) => one['requestId'] === 'audit-1') ?? false);
    expect(line).toMatchObject({
      msg: 'management.written',
      key: id,
      method: 'PUT',
      path: '/v1/channels/audited',
      status: 201,
      from: '127.0.0.1',
    });
  });

  it('has not broken on our side in any of this', () => {
    expect(cluster.ingest.lines.filter((line) => line['level'] === 'error')).toEqual([]);
  });

  it('stops cleanly on SIGTERM', async () => {
    const started = performance.now();
    expect(await cluster.ingest.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
