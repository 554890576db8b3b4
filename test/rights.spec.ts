import { randomBytes } from 'node:crypto';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { type Operation, operationsOf } from './support/openapi.js';

interface Key {
  id: string;
  key: string;
}
interface Answer {
  status: number;
  challenge: string | null;
  /** Without the request's id and the names that the request itself holds. */
  body: string;
}

/** What the parameters of a path stand for: things that exist, and things that do not. */
const there: Record<string, string> = { channel: 'there', consumer: 'mine', producer: 'shop' };
const nowhere: Record<string, string> = {
  channel: 'nowhere',
  consumer: 'nobody',
  producer: 'none',
  message: '123456789012345',
  job: '123456789012346',
  id: '0123456789abcdef',
};

let cluster: Cluster;
/** Two ingest processes on the same database. */
let urls: string[];
let operations: Operation[];

beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 });
  const first = cluster.url;
  await cluster.startIngest();
  urls = [first, cluster.url];
  operations = await operationsOf(cluster);
  for (const path of ['channels/there', 'channels/elsewhere', 'producers/shop']) await cluster.ok('PUT', `/v1/${path}`, {});
  for (const path of ['there/consumers/mine', 'there/consumers/other', 'elsewhere/consumers/mine'])
    await cluster.ok('PUT', `/v1/channels/${path}`, { url: 'http://127.0.0.1:9/', disabled: true });
  there['message'] = await cluster.publish('there', 'x');
  there['id'] = (await newKey(['read'])).id;
  there['job'] = (await cluster.ok<{ id: string }>('POST', '/v1/channels/there/consumers/mine/replay', {})).id;
});
afterAll(() => cluster.stop());

const newKey = (scopes: string[]): Promise<Key> => cluster.ok<Key>('POST', '/v1/keys', { name: 'test', scopes });
const pathOf = (path: string, names: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? 'x');

async function ask({ method, path }: Operation, key: string | null, names = there, url = urls[0]!): Promise<Answer> {
  // The channel of a list of jobs is in its query.
  const asked = path === '/v1/jobs' ? `${path}?channel={channel}` : path;
  const response = await fetch(url + pathOf(asked, names), {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
    },
    body: method === 'GET' || method === 'HEAD' ? undefined : '{}',
  });
  const text = (await response.text()).replace(/"requestId":"[^"]+"/, '');
  const body = Object.values(names).reduce((left, name) => left.replaceAll(name, '…'), text);
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body };
}

/** Everything that a request could have changed. */
async function state(except: readonly string[] = []): Promise<string> {
  const tables = ['channel', 'producer', 'consumer', 'api_key', 'message', 'ready', 'dead_letter', 'audit'].filter(
    (table) => !except.includes(table) && !(except.includes('api_key') && table === 'audit'),
  );
  return JSON.stringify(await Promise.all(tables.map((table) => cluster.database.query(`SELECT * FROM ${table}`))));
}

/** Every route answers 401, alike for what exists and what does not, and nothing happens. */
async function expectUnauthorized(key: string | null, from = urls): Promise<void> {
  const before = await state();
  for (const url of from) {
    await Promise.all(
      operations.map(async (operation) => {
        const [known, unknown] = [await ask(operation, key, there, url), await ask(operation, key, nowhere, url)];
        const told = [operation.method, operation.path, known.status, known.challenge, unknown.status];
        expect(told).toEqual([operation.method, operation.path, 401, 'Bearer', 401]);
        expect(known.body).toBe(unknown.body);
        expect(known.body).toContain('"code":"unauthorized"');
      }),
    );
  }
  expect(await state()).toBe(before);
}

describe('every route', () => {
  it('says in the description of the API which scopes it takes', () => {
    expect(operations.length).toBeGreaterThan(25);
    for (const { method, path, scopes } of operations) {
      expect([method, path, scopes.length]).not.toEqual([method, path, 0]);
      for (const scope of scopes) expect(scope).toMatch(/^(admin|read|(publish|manage):\{channel\}|consume:\{channel\}\/\{consumer\})$/);
    }
  });

  it.each([
    ['no key', () => null],
    ['no Bearer text', () => ''],
    ['an unknown key', () => `ph_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`],
    ['a key of nobody’s making', () => 'secret'],
    ['a key that is cut short', () => `ph_${randomBytes(8).toString('hex')}_${randomBytes(16).toString('base64url')}`],
    ['a key in capitals', () => `PH_${randomBytes(8).toString('hex').toUpperCase()}_${randomBytes(32).toString('base64url')}`],
    ['a valid key twice', () => `${ADMIN_KEY}, Bearer ${ADMIN_KEY}`],
    ['a valid key and more', () => `${ADMIN_KEY} x`],
    ['a key of 10000 characters', () => 'k'.repeat(10_000)],
  ])('refuses %s', async (_what, key) => {
    await expectUnauthorized(key());
  });

  it('refuses a key with another secret', async () => {
    const { key } = await newKey(['admin']);
    await expectUnauthorized(key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'));
  });

  it('refuses a key that has expired', async () => {
    const { id, key } = await newKey(['admin']);
    await cluster.database.query('UPDATE api_key SET expires_at = NOW(3) - INTERVAL 1 SECOND WHERE id = ?', [id]);
    await expectUnauthorized(key);
  });

  it('refuses a key within 2 seconds of its revocation, in every process', async () => {
    const { id, key } = await newKey(['admin']);
    const list = operations.find(({ method, path }) => method === 'GET' && path === '/v1/channels')!;
    const statuses = () => Promise.all(urls.map(async (url) => (await ask(list, key, there, url)).status));
    expect(await statuses()).toEqual([200, 200]);
    const revokedAt = performance.now();
    await cluster.ok('DELETE', `/v1/keys/${id}`);
    await eventually(async () => (await statuses()).every((status) => status === 401), 3_000);
    expect(performance.now() - revokedAt).toBeLessThan(2_000);
    await expectUnauthorized(key);
  });

  it('refuses a key that has every other right, alike for what exists and what does not', async () => {
    const before = [
      'read',
      'publish:elsewhere',
      'manage:elsewhere',
      'consume:elsewhere/mine',
      'consume:elsewhere/*',
      'consume:there/other',
    ];
    const [reader, stranger] = [await newKey(before), await newKey(before.slice(1))];
    const unchanged = await state();
    const refused = async (operation: Operation, url: string): Promise<void> => {
      const { key } = operation.scopes.includes('read') ? stranger : reader;
      const [known, unknown] = [await ask(operation, key, there, url), await ask(operation, key, nowhere, url)];
      expect([operation.method, operation.path, known.status, unknown.status]).toEqual([operation.method, operation.path, 403, 403]);
      expect(known.body).toBe(unknown.body);
      expect(known.body).toContain('"code":"forbidden"');
    };
    for (const url of urls) await Promise.all(operations.map((operation) => refused(operation, url)));
    expect(await state()).toBe(unchanged);
  });

  it('refuses a key that has every right to the same channel and consumer but those that the route names, and rights to names that look alike', async () => {
    const all = ['read', 'publish:there', 'manage:there', 'consume:there/mine'];
    const alike = ['There', 'THERE', 'ther', 'there.', 'there2', 'there-'].flatMap((name) => [
      `publish:${name}`,
      `manage:${name}`,
      `consume:${name}/mine`,
    ]);
    const beside = [...alike, 'consume:there/Mine', 'consume:there/min', 'consume:there/mine2'];
    const keys = new Map<string, Promise<Key>>();
    const keyWithout = (named: readonly string[]): Promise<Key> => {
      const scopes = [...all.filter((scope) => !named.includes(scope)), ...beside];
      const made = keys.get(scopes.join()) ?? newKey(scopes);
      keys.set(scopes.join(), made);
      return made;
    };
    const unchanged = await state(['api_key']);
    for (const operation of operations) {
      const { key } = await keyWithout(operation.scopes.map((scope) => pathOf(scope, there)));
      const answer = await ask(operation, key);
      expect([operation.method, operation.path, answer.status]).toEqual([operation.method, operation.path, 403]);
    }
    expect(await state(['api_key'])).toBe(unchanged);
  });

  it('asks HEAD for the same right as GET', async () => {
    const { key } = await newKey(['publish:elsewhere']);
    for (const operation of operations.filter(({ method }) => method === 'GET')) {
      const head = { ...operation, method: 'HEAD' };
      expect([operation.path, (await ask(head, null)).status, (await ask(head, key)).status]).toEqual([operation.path, 401, 403]);
    }
  });

  // Last: this is allowed to change things.
  it('takes a key with exactly one of the scopes that it names, and an admin', async () => {
    for (const operation of operations.toSorted((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'))) {
      for (const scope of [...operation.scopes, 'admin']) {
        const { key } = await newKey([pathOf(scope, there)]);
        const { status } = await ask(operation, key);
        expect([operation.method, operation.path, scope, [401, 403].includes(status) ? status : 'allowed']).toEqual([
          operation.method,
          operation.path,
          scope,
          'allowed',
        ]);
      }
    }
  });
});

it('only the description of the API and its explorer ask for no key', async () => {
  for (const path of [
    '/',
    '/v1',
    '/v1/nothing',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/v1/channels/there/nothing',
    '/docs/../v1/keys',
  ])
    expect([path, [401, 404].includes((await cluster.api('GET', path, undefined, {}, null)).status)]).toEqual([path, true]);
  for (const path of ['/openapi.json', '/docs']) expect((await cluster.api('GET', path, undefined, {}, null)).status).toBe(200);
});
