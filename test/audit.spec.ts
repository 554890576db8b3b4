import { randomUUID } from 'node:crypto';
import { firstIdAt } from '@app/domain';
import { pruneAuditRows } from '../apps/failsafe-scheduler/src/duties/prune-audit.js';
import { type ApiAnswer, Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { operationsOf, type Operation } from './support/openapi.js';

interface Row {
  id: string;
  at: string;
  key: string;
  keyName: string;
  method: string;
  route: string;
  resource: string;
  fields: string[];
  status: number;
  requestId: string;
  from: string;
}
interface Rows {
  items: Row[];
  cursor: string | null;
}

let cluster: Cluster;
let operations: Operation[];
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { TRUSTED_PROXIES: '127.0.0.0/8' });
  operations = await operationsOf(cluster);
});
afterAll(() => cluster.stop());

const hook = { url: 'http://127.0.0.1:9/hook' };
const read = async (query = ''): Promise<Row[]> => (await cluster.ok<Rows>('GET', `/v1/audit?limit=500${query}`)).items;

/** One request, and the rows that it left. */
async function written<T = { code: string }>(
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<{ answer: ApiAnswer<T>; rows: Row[] }> {
  const requestId = randomUUID();
  const answer = await cluster.api<T>(method, path, body, { 'x-request-id': requestId }, key);
  return { answer, rows: (await read()).filter((row) => row.requestId === requestId) };
}

describe('a management write', () => {
  it('leaves a row that says who, what, when, from where and how it ended', async () => {
    const { id, key } = await cluster.ok<{ id: string; key: string }>('POST', '/v1/keys', { name: 'deployer', scopes: ['manage:who'] });
    const before = Date.now();
    const { rows } = await written('PUT', '/v1/channels/who', { description: 'd', retentionDays: 3 }, key);
    expect(rows).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        key: id,
        keyName: 'deployer',
        method: 'PUT',
        route: '/v1/channels/:channel',
        resource: '/v1/channels/who',
        fields: ['description', 'retentionDays'],
        status: 201,
        requestId: expect.any(String),
        from: '127.0.0.1',
      },
    ]);
    expect(Math.abs(Date.parse(rows[0]!.at) - before)).toBeLessThan(5_000);
  });

  it('names what changed, not what stayed', async () => {
    const path = '/v1/channels/changes';
    await cluster.ok('PUT', path, { description: 'a', retry: { delays: [1, 2] }, retentionDays: 3 });
    const changed = async (body: unknown) => (await written('PUT', path, body)).rows.map(({ fields, status }) => [status, fields]);
    expect(await changed({ description: 'b', retry: { delays: [1, 2] }, retentionDays: 3 })).toEqual([[200, ['description']]]);
    expect(await changed({ description: 'b', retry: { delays: [1, 2] }, retentionDays: 3 })).toEqual([[200, []]]);
    expect(await changed({})).toEqual([[200, ['description', 'retry', 'retentionDays']]]);
    const consumer = `${path}/consumers/c`;
    await cluster.ok('PUT', consumer, { ...hook, timeoutMs: 1000, headers: { 'x-a': 'b' } });
    const { rows } = await written('PUT', consumer, { ...hook, disabled: true, headers: { 'x-a': 'b' } });
    expect(rows.map(({ fields }) => fields)).toEqual([['timeoutMs', 'disabled']]);
  });

  it('of every kind is there, and without any secret', async () => {
    const channel = '/v1/channels/kinds';
    const consumer = `${channel}/consumers/c`;
    const secret = 'Bearer 6f1ed002ab5595859014ebf0951522d9';
    const seen: [string, string, number, string[]][] = [];
    const secrets: string[] = [secret];
    const write = async (method: string, path: string, body?: unknown): Promise<string> => {
      const { answer, rows } = await written<{ id: string; key?: string; signingSecret?: string }>(method, path, body);
      secrets.push(...[answer.body.key, answer.body.signingSecret].flatMap((text) => text ?? []));
      seen.push(...rows.map(({ method: verb, resource, status, fields }): (typeof seen)[0] => [verb, resource, status, fields]));
      return answer.body.id;
    };
    await write('PUT', channel, {});
    await write('PUT', '/v1/producers/shop', { description: 'x' });
    const key = await write('POST', '/v1/keys', { name: 'k', scopes: ['read'], producer: 'shop' });
    await write('DELETE', `/v1/keys/${key}`);
    await write('DELETE', `/v1/keys/${key}`);
    await write('DELETE', '/v1/producers/shop');
    await write('PUT', consumer, { ...hook, headers: { authorization: secret } });
    await write('POST', `${consumer}/pause`);
    await write('POST', `${consumer}/pause`);
    await write('POST', `${consumer}/resume`);
    await write('POST', `${consumer}/rotate-secret`);
    await write('POST', `${consumer}/dead-letters/redrive`, { reason: 'gone' });
    await write('POST', `${consumer}/dead-letters/discard`, { dryRun: true });
    await write('DELETE', consumer);
    await write('DELETE', channel);
    expect(seen).toEqual([
      ['PUT', channel, 201, []],
      ['PUT', '/v1/producers/shop', 201, ['description']],
      ['POST', `/v1/keys/${key}`, 201, ['name', 'scopes', 'producer']],
      ['DELETE', `/v1/keys/${key}`, 204, ['revokedAt']],
      ['DELETE', `/v1/keys/${key}`, 204, []],
      ['DELETE', '/v1/producers/shop', 204, []],
      ['PUT', consumer, 201, ['url', 'headers']],
      ['POST', consumer, 200, ['paused']],
      ['POST', consumer, 200, []],
      ['POST', consumer, 200, ['paused']],
      ['POST', consumer, 200, ['signingSecret']],
      ['POST', consumer, 200, ['reason']],
      ['POST', consumer, 200, ['dryRun']],
      ['DELETE', consumer, 204, []],
      ['DELETE', channel, 204, []],
    ]);
    const table = JSON.stringify(await cluster.database.query('SELECT * FROM audit'));
    expect(secrets).toHaveLength(4);
    for (const text of secrets) expect(table).not.toContain(text.replace(/^Bearer /, '').slice(-24));
  });

  it('that is refused leaves a row with the status, and nothing else', async () => {
    const path = '/v1/channels/refused';
    const statusOf = async (...request: Parameters<typeof written>) => (await written(...request)).rows.map(({ status }) => status);
    expect(await statusOf('PUT', path, { retentionDays: 0, 'not ours': 1 })).toEqual([400]);
    expect(await statusOf('DELETE', path)).toEqual([404]);
    await cluster.channel('refused');
    await cluster.ok('PUT', `${path}/consumers/c`, hook);
    expect(await statusOf('DELETE', path)).toEqual([409]);
    expect((await read()).find((row) => row.status === 400)?.fields).toEqual(['retentionDays']);
  });

  it('is one of many at once: a row for each, and one creation', async () => {
    await Promise.all(Array.from({ length: 12 }, () => cluster.api('PUT', '/v1/channels/race', {})));
    const statuses = (await read('&resource=/v1/channels/race')).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 11 }, () => 200), 201]);
  });
});

it('every route that needs admin or manage leaves a row, those that publish or consume none', async () => {
  const writes = operations.filter(({ method }) => method !== 'GET');
  expect(writes.length).toBeGreaterThan(10);
  for (const { method, path, scopes } of writes) {
    const manages = scopes.some((scope) => scope === 'admin' || scope.startsWith('manage:'));
    const { rows } = await written(method, path.replaceAll(/\{\w+\}/g, 'nothing'), {});
    expect([method, path, rows.length]).toEqual([method, path, manages ? 1 : 0]);
  }
});

describe('when the audit cannot be written', () => {
  const consumer = '/v1/channels/unaudited/consumers/c';
  const dead = `INSERT INTO dead_letter (consumer_id, message_id, reason) SELECT id, 1, 'gone' FROM consumer WHERE name = 'c'`;

  beforeAll(async () => {
    await cluster.channel('unaudited');
    await cluster.ok('PUT', consumer, hook);
    await cluster.database.query(dead);
    await cluster.database.query('RENAME TABLE audit TO audit_away');
  });
  afterAll(() => cluster.database.query('RENAME TABLE audit_away TO audit'));

  const state = async () =>
    JSON.stringify([
      await cluster.database.query('SELECT * FROM channel ORDER BY id'),
      await cluster.database.query('SELECT * FROM producer ORDER BY id'),
      await cluster.database.query('SELECT * FROM consumer ORDER BY id'),
      await cluster.database.query('SELECT * FROM api_key ORDER BY id'),
      await cluster.database.query('SELECT * FROM dead_letter ORDER BY message_id'),
    ]);

  it.each([
    ['PUT', '/v1/channels/new', {}],
    ['PUT', '/v1/channels/unaudited', { description: 'changed' }],
    ['DELETE', '/v1/channels/unaudited?force=true', undefined],
    ['PUT', '/v1/producers/new', {}],
    ['POST', '/v1/keys', { name: 'x', scopes: ['admin'] }],
    ['PUT', consumer, { ...hook, timeoutMs: 5000 }],
    ['POST', `${consumer}/pause`, undefined],
    ['POST', `${consumer}/rotate-secret`, undefined],
    ['POST', `${consumer}/dead-letters/discard`, {}],
    ['DELETE', consumer, undefined],
  ])('%s %s is refused and changes nothing', async (method, path, body) => {
    const before = await state();
    const answer = await cluster.api<{ code: string }>(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
    expect(await state()).toBe(before);
  });

  it('says so in the log and in the metrics', async () => {
    expect(await metric(cluster.ingest, 'posthorn_unaudited_total')).toBeGreaterThan(0);
    expect(cluster.ingest.lines.find((line) => line.msg === 'management.not-audited')).toMatchObject({
      keyId: 'admin',
      route: expect.any(String),
    });
  });
});

describe('GET /v1/audit', () => {
  it('gives every row once, newest first, page by page', async () => {
    for (const n of Array.from({ length: 7 }).keys()) await cluster.channel(`page-${n}`);
    const seen: Row[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Rows = await cluster.ok<Rows>('GET', `/v1/audit?limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.items);
      cursor = page.cursor;
    }
    expect(seen.slice(0, 7).map(({ resource }) => resource)).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `/v1/channels/page-${n}`));
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM audit');
    expect(seen).toHaveLength(Number(row!.n));
  });

  it('is filtered by key, method, resource and time, alone and together', async () => {
    const { id, key } = await cluster.ok<{ id: string; key: string }>('POST', '/v1/keys', { name: 'f', scopes: ['manage:*'] });
    await cluster.channel('filter');
    await cluster.channel('filter_x');
    await cluster.channel('filters');
    await cluster.ok('PUT', '/v1/channels/filter/consumers/c', hook);
    await cluster.api('POST', '/v1/channels/filter/consumers/c/pause', undefined, {}, key);
    const middle = new Date().toISOString();
    await cluster.api('DELETE', '/v1/channels/filter/consumers/c', undefined, {}, key);
    const found = async (query: string) => (await read(query)).map(({ method, resource }) => `${method} ${resource}`);
    const [removed, paused] = ['DELETE /v1/channels/filter/consumers/c', 'POST /v1/channels/filter/consumers/c'];
    expect(await found(`&key=${id}`)).toEqual([removed, paused]);
    expect(await found(`&key=${id}&method=POST`)).toEqual([paused]);
    await cluster.ok('PATCH', `/v1/keys/${id}`, { rateLimit: null });
    expect(await found(`&resource=/v1/keys/${id}&method=PATCH`)).toEqual([`PATCH /v1/keys/${id}`]);
    expect(await found('&resource=/v1/channels/filter&key=admin')).toEqual([
      'PUT /v1/channels/filter/consumers/c',
      'PUT /v1/channels/filter',
    ]);
    expect(await found('&resource=/v1/channels/filter/')).toHaveLength(4);
    expect(await found(`&resource=/v1/channels/filter&from=${middle}`)).toEqual([removed]);
    expect(await found(`&key=${id}&to=${middle}`)).toEqual([paused]);
    expect(await found('&from=2099-01-01T00:00:00Z')).toEqual([]);
    expect(await found('&to=1999-01-01T00:00:00Z')).toEqual([]);
    expect(await found('&from=1999-01-01T00:00:00Z&to=2999-01-01T00:00:00Z')).toHaveLength((await read()).length);
  });

  it.each([
    'key=x',
    'method=GET',
    'resource=channels',
    'resource=/v1/%C3%A4',
    'resource=/v1/%F4%83%A6%80%1D',
    'from=yesterday',
    'to=1',
    'nonsense=1',
  ])('refuses %s', async (query) => {
    const answer = await cluster.api<{ code: string; field: string }>('GET', `/v1/audit?${query}`);
    expect(answer.body).toMatchObject({ code: 'validation-failed', field: query.split('=')[0] });
  });
});

describe('where a write came from', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7, 127.0.0.5', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['<script>', 'unknown'],
  ])('is taken from a trusted proxy that passes on %s', async (forwarded, from) => {
    const requestId = randomUUID();
    await cluster.ok('PUT', '/v1/channels/proxied', {}, { 'x-forwarded-for': forwarded, 'x-request-id': requestId });
    expect((await read()).find((row) => row.requestId === requestId)?.from).toBe(from);
  });
});

it('requests that are denied leave no row, but a count, and a line when the key is known', async () => {
  const { id, key } = await cluster.ok<{ id: string; key: string }>('POST', '/v1/keys', { name: 'weak', scopes: ['read'] });
  const before = [
    await metric(cluster.ingest, 'posthorn_denied_total', 'unauthorized'),
    await metric(cluster.ingest, 'posthorn_denied_total', 'forbidden'),
  ];
  expect((await written('PUT', '/v1/channels/denied', {}, 'nonsense')).rows).toEqual([]);
  expect((await written('PUT', '/v1/channels/denied', {}, key)).rows).toEqual([]);
  expect(await metric(cluster.ingest, 'posthorn_denied_total', 'unauthorized')).toBe(before[0]! + 1);
  expect(await metric(cluster.ingest, 'posthorn_denied_total', 'forbidden')).toBe(before[1]! + 1);
  const line = await eventually(() => cluster.ingest.lines.find((one) => one.msg === 'request.denied') ?? false);
  expect(line).toMatchObject({ key: id, method: 'PUT', path: '/v1/channels/denied', from: '127.0.0.1' });
});

it('rows are deleted when they are older than they are kept, and no other', async () => {
  const dayMs = 86_400_000;
  const before = (await read()).length;
  const old = Array.from({ length: 1_200 }, (_, n) => BigInt(firstIdAt(Date.now() - 31 * dayMs)) + BigInt(n));
  const young = BigInt(firstIdAt(Date.now() - 29 * dayMs));
  await cluster.database.query(
    `INSERT INTO audit (id, at, key_id, key_name, method, route, resource, fields, status, request_id, address) VALUES ?`,
    [[...old, young].map((id) => [String(id), new Date(), 'admin', 'x', 'PUT', '/v1', '/v1', '[]', 200, 'r', '127.0.0.1'])],
  );
  const duty = pruneAuditRows(cluster.database, 30);
  expect(await duty.doOnce()).toBe(1_200);
  expect(await duty.doOnce()).toBe(0);
  expect((await read()).length).toBe(before + 1);
  const [row] = await cluster.database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM audit WHERE id = ?', [String(young)]);
  expect(row!.n).toBe('1');
});
