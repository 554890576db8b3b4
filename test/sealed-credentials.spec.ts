import { randomBytes } from 'node:crypto';
import { Cluster } from './support/cluster.js';
import { pem } from './support/certificates.js';
import { eventually } from './support/eventually.js';

interface ProblemAnswer {
  code: string;
  field?: string;
  errors?: { field: string; message: string }[];
}

let cluster: Cluster;
let consumers = 0;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

describe('what is secret', () => {
  const secrets = Array.from({ length: 5 }, () => randomBytes(18).toString('hex'));
  const url = 'https://example.com/hook';
  const settings = (secret = secrets) => ({
    url,
    headers: { 'X-Api-Key': secret[0], Cookie: `session=${secret[1]}`, 'x-team': 'billing' },
    auth: {
      type: 'oauth2',
      tokenUrl: 'https://id.example.com/token',
      clientId: 'id',
      clientSecret: secret[2],
      clientAuth: 'post',
      scope: 'a',
      audience: null,
    },
    tls: { certificate: pem('client.pem'), privateKey: pem('client.key'), ca: null },
  });
  const masked = {
    headers: { 'X-Api-Key': '***', Cookie: '***', 'x-team': 'billing' },
    auth: { ...settings().auth, clientSecret: '***' },
    tls: { ...settings().tls, privateKey: '***' },
  };
  let path: string;
  beforeAll(async () => {
    await cluster.channel('secrets');
  });
  beforeEach(async () => {
    path = `/v1/channels/secrets/consumers/c${++consumers}`;
    await cluster.ok('PUT', path, settings());
  });

  const columns = async () =>
    (
      await cluster.database.query<Record<string, unknown>[]>('SELECT sealed_headers, auth, tls FROM consumer WHERE name = ?', [
        path.split('/').at(-1),
      ])
    )[0];
  /** Settings as GET answers them, ready to be put back. */
  const read = async (): Promise<Record<string, unknown>> => {
    const { headers, auth, tls, signature, timeoutMs, ...rest } = await cluster.ok<Record<string, unknown>>('GET', path);
    return { url: rest['url'], headers, auth, tls, signature, timeoutMs };
  };

  it('is sealed at rest, masked when read, and in no log, audit row or list', async () => {
    expect(await read()).toMatchObject(masked);
    const lists = JSON.stringify(await cluster.ok('GET', '/v1/channels/secrets/consumers'));
    const stored = JSON.stringify([
      await cluster.database.query('SELECT * FROM consumer'),
      await cluster.database.query('SELECT * FROM audit'),
    ]);
    const logs = cluster.processes.map(({ output }) => output).join('\n');
    const key = pem('client.key').split('\n')[1]!;
    for (const text of [...secrets.slice(0, 3), key]) for (const place of [lists, stored, logs]) expect(place).not.toContain(text);
    expect(stored).not.toContain('billing');
  });

  it('stays when what was read is put back', async () => {
    const before = await columns();
    const answer = await cluster.ok('PUT', path, { ...(await read()), timeoutMs: 5_000 });
    expect(answer).toMatchObject({ ...masked, timeoutMs: 5_000 });
    expect(await columns()).toEqual(before);
    const [row] = (await cluster.ok<{ items: { fields: string[] }[] }>('GET', `/v1/audit?resource=${path}&limit=1`)).items;
    expect(row!.fields).toEqual(['timeoutMs']);
  });

  it('is replaced by another value, one at a time, and the same value changes nothing', async () => {
    const before = await columns();
    await cluster.ok('PUT', path, settings());
    expect(await columns()).toEqual(before);
    await cluster.ok('PUT', path, { ...masked, url, headers: { ...masked.headers, Cookie: 'session=other' } });
    const [row] = (await cluster.ok<{ items: { fields: string[] }[] }>('GET', `/v1/audit?resource=${path}&limit=1`)).items;
    expect(row!.fields).toEqual(['headers']);
  });

  it.each([
    ['headers.X-Api-Key', { url: 'https://evil.example/hook', headers: { 'X-Api-Key': '***' } }],
    ['auth.clientSecret', { url: 'https://evil.example/hook', auth: masked.auth }],
    ['auth.clientSecret', { url, auth: { ...masked.auth, tokenUrl: 'https://evil.example/token' } }],
    ['auth.password', { url, auth: { type: 'basic', username: 'u', password: '***' } }],
    ['headers.authorization', { url, headers: { authorization: '***' } }],
    ['tls.privateKey', { url: 'https://evil.example/hook', tls: masked.tls }],
    ['tls.privateKey', { url, tls: { ...masked.tls, certificate: pem('server.pem') } }],
  ])('masked, is refused as %s where nothing may be kept', async (field, body) => {
    const before = await columns();
    const answer = await cluster.api<ProblemAnswer>('PUT', path, body);
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.field)]).toEqual([400, 'validation-failed', [field]]);
    expect(await columns()).toEqual(before);
  });

  it('may move with the URL to another path', async () => {
    expect(await cluster.ok('PUT', path, { ...masked, url: 'https://example.com/other' })).toMatchObject(masked);
  });

  it('is sealed for its place: moved to another row, it opens nothing', async () => {
    const other = `${path}-other`;
    await cluster.ok('PUT', other, { url });
    await cluster.database.query(
      `UPDATE consumer o JOIN consumer c ON c.channel_id = o.channel_id SET o.sealed_headers = c.sealed_headers, o.version = o.version + 1 WHERE o.name = ? AND c.name = ?`,
      [other.split('/').at(-1), path.split('/').at(-1)],
    );
    expect(await cluster.ok('GET', other)).toMatchObject({ headers: { 'x-team': '***' } });
    // Put back it is kept as it is, not taken for three stars.
    await cluster.ok('PUT', other, { url, headers: { 'x-team': '***' } });
    expect(await cluster.ok('GET', other)).toMatchObject({ headers: { 'x-team': '***' } });
    await cluster.ok('PUT', other, { url, headers: { 'x-team': 'known' } });
    expect(await cluster.ok('GET', other)).toMatchObject({ headers: { 'x-team': 'known' } });
  });

  it.each([
    [{ auth: { type: 'basic', username: 'u' } }, 'auth.password'],
    [{ auth: { type: 'bearer', token: 'x' }, headers: { Authorization: 'y' } }, 'headers.Authorization'],
    [{ auth: { type: 'bearer', token: 'x' }, signature: { header: 'authorization' } }, 'signature.header'],
    [{ auth: { type: 'oauth2', tokenUrl: 'https://10.0.0.1/', clientId: 'a', clientSecret: 'b' } }, 'auth.tokenUrl'],
    [{ type: 'pull', url: null, auth: { type: 'bearer', token: 'x' } }, 'auth'],
  ])('is refused in %j, naming %s', async (body, field) => {
    const answer = await cluster.api<ProblemAnswer>('PUT', path, { url, ...body });
    expect(answer.body).toMatchObject({ code: 'validation-failed', field });
  });
});

it('static headers arrive as they were set, those that an earlier version stored too', async () => {
  const sink = await cluster.sink();
  const path = '/v1/channels/old/consumers/c';
  await cluster.channel('old');
  const put = (headers: Record<string, string>) => cluster.ok('PUT', path, { url: sink.url, headers });
  const next = async (): Promise<unknown> => {
    const before = sink.received.length;
    await cluster.publish('old', 'x');
    return (await eventually(() => sink.received[before] ?? false)).headers;
  };
  const where = `FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = 'old'`;
  await put({ 'X-Api-Key': 'secret', 'x-team': 'billing' });
  expect(await next()).toMatchObject({ 'x-api-key': 'secret', 'x-team': 'billing' });

  await cluster.database.query(
    `UPDATE consumer c JOIN channel h ON h.id = c.channel_id SET c.headers = ?, c.sealed_headers = NULL, c.version = c.version + 1 WHERE h.name = 'old'`,
    [JSON.stringify({ 'X-Api-Key': 'plain', 'x-team': 'old' })],
  );
  expect(await next()).toMatchObject({ 'x-api-key': 'plain', 'x-team': 'old' });
  expect(await cluster.ok('GET', path)).toMatchObject({ headers: { 'X-Api-Key': '***', 'x-team': 'old' } });
  await put({ 'X-Api-Key': '***', 'x-team': 'old' });
  expect(await next()).toMatchObject({ 'x-api-key': 'plain', 'x-team': 'old' });
  const [row] = await cluster.database.query<{ headers: unknown }[]>(`SELECT c.headers ${where}`);
  expect(row!.headers).toBeNull();
});
