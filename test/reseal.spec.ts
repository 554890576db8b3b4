import { randomBytes } from 'node:crypto';
import { KeyRing, mapSealed, sealedPlaces } from '@app/domain';
import { createLog, createRegistry, createSchedulerMetrics } from '@app/runtime';
import { replaceSealed, sealedRows } from '@app/storage';
import { Webhook } from 'standardwebhooks';
import { resealSecrets } from '../apps/failsafe-scheduler/src/duties/reseal.js';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { pem } from './support/certificates.js';
import type { Sink } from './support/sink.js';

const [old, young] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const path = '/v1/channels/orders/consumers/billing';
const log = createLog('test', 'silent');

let cluster: Cluster;
let sink: Sink;
let secrets: { present: string; former: string };
const settings = () => ({
  url: sink.url,
  headers: { 'X-Api-Key': 'the-key', 'x-team': 'billing' },
  auth: { type: 'basic', username: 'u', password: 'the-password' },
});

beforeEach(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { POSTHORN_SECRET_KEY: old });
  sink = await cluster.sink();
  await cluster.channel('orders');
  const former = await cluster.consumer('orders', 'billing', sink.url, settings());
  const rotated = await cluster.ok<{ signingSecret: string }>('POST', `${path}/rotate-secret`, { overlapSeconds: 3600 });
  secrets = { present: rotated.signingSecret, former };
  await cluster.ok('PUT', '/v1/channels/orders/consumers/tls', {
    url: 'https://example.com/',
    tls: { certificate: pem('client.pem'), privateKey: pem('client.key') },
    auth: { type: 'oauth2', tokenUrl: 'https://id.example.com/', clientId: 'a', clientSecret: 'b' },
  });
});
afterEach(() => cluster.stop());

/** The texts of every row that a ring has not sealed with its first key. */
async function notSealedBy(ring: KeyRing): Promise<string[]> {
  const found: string[] = [];
  for (const row of await sealedRows(cluster.database, 0, 100)) {
    mapSealed(row, sealedPlaces(row), (sealed, place) => {
      if (!ring.isCurrent(sealed)) found.push(place);
      return sealed;
    });
  }
  return found;
}
const dutyOf = (ring: KeyRing, metrics = createSchedulerMetrics(createRegistry())) => resealSecrets(cluster.database, ring, metrics, log);

it('a key is rotated under running processes: a scheduler seals everything anew, and the old key can be taken away', async () => {
  const [appended, rotated] = [KeyRing.parse(`${old},${young}`), KeyRing.parse(`${young},${old}`)];
  // Step 1: every process can open both. Nothing is to be sealed anew.
  expect(await dutyOf(appended).doOnce()).toBe(0);
  // Step 2: the new key is the first.
  expect(await notSealedBy(rotated)).toHaveLength(8);
  const scheduler = await cluster.startScheduler({ POSTHORN_SECRET_KEY: `${young},${old}` });
  await eventually(async () => (await notSealedBy(rotated)).length === 0);
  await eventually(async () => (await metric(scheduler, 'posthorn_failsafe_repaired_total', 'duty="reseal"')) === 2);
  expect(await metric(scheduler, 'posthorn_old_seals')).toBe(0);

  // Step 3: only the new one is left.
  await cluster.ingest.stop();
  await cluster.startIngest({ POSTHORN_SECRET_KEY: young });
  await cluster.startDispatcher({ POSTHORN_SECRET_KEY: young });
  await cluster.publish('orders', '{"a":1}');
  const { headers, body } = await eventually(() => sink.received[0] ?? false);
  for (const secret of Object.values(secrets))
    expect(new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).toEqual({ a: 1 });
  expect(headers).toMatchObject({
    'x-api-key': 'the-key',
    'x-team': 'billing',
    authorization: `Basic ${Buffer.from('u:the-password').toString('base64')}`,
  });
  expect(await cluster.ok('GET', path)).toMatchObject({ version: 2, headers: { 'X-Api-Key': '***', 'x-team': 'billing' } });
});

it('headers that an earlier version stored as they are become sealed', async () => {
  await cluster.database.query(`UPDATE consumer SET headers = ?, sealed_headers = NULL WHERE name = 'billing'`, [
    JSON.stringify({ 'X-Old': 'plain' }),
  ]);
  expect(await dutyOf(KeyRing.parse(old)).doOnce()).toBe(1);
  const [row] = await sealedRows(cluster.database, 0, 1);
  expect(row!.headers).toBeNull();
  expect(KeyRing.parse(old).open(row!.sealedHeaders!['X-Old']!, sealedPlaces(row!).header('x-old'))).toBe('plain');
});

it('a consumer that changes at the same moment keeps its change', async () => {
  const rotated = KeyRing.parse(`${young},${old}`);
  const [row] = await sealedRows(cluster.database, 0, 1);
  await cluster.ok('PUT', path, { ...settings(), headers: { 'X-Api-Key': 'another' } });
  expect(await replaceSealed(cluster.database, row!, row!)).toBe(false);
  await Promise.all([
    dutyOf(rotated).doOnce(),
    ...Array.from({ length: 5 }, (_, n) => cluster.ok('PUT', path, { ...settings(), headers: { 'X-Api-Key': `key-${n}` } })),
  ]);
  await dutyOf(rotated).doOnce();
  const [after] = await sealedRows(cluster.database, 0, 1);
  expect(rotated.open(after!.sealedHeaders!['X-Api-Key']!, sealedPlaces(after!).header('x-api-key'))).toMatch(/^key-\d$/);
  expect(rotated.open(after!.signingSecret, sealedPlaces(after!).signing)).toBe(secrets.present);
});

it('what cannot be opened stays as it is and is counted, and the rest is sealed anew', async () => {
  const lost = `s1.00000000.${Buffer.alloc(40).toString('base64url')}`;
  await cluster.database.query(`UPDATE consumer SET signing_secret = ? WHERE name = 'billing'`, [lost]);
  const registry = createRegistry();
  const rotated = KeyRing.parse(`${young},${old}`);
  expect(await dutyOf(rotated, createSchedulerMetrics(registry)).doOnce()).toBe(1);
  expect(await registry.getSingleMetricAsString('posthorn_old_seals')).toContain('posthorn_old_seals 1');
  const [row] = await cluster.database.query<{ s: string }[]>(`SELECT signing_secret AS s FROM consumer WHERE name = 'billing'`);
  expect(row!.s).toBe(lost);
});

it('goes through many rows in steps, and rests when it has seen all', async () => {
  const [orders] = await cluster.database.query<{ id: number }[]>(`SELECT id FROM channel WHERE name = 'orders'`);
  await cluster.database.query(`INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES ?`, [
    Array.from({ length: 1_100 }, (_, n) => [
      orders!.id,
      `many-${n}`,
      'push',
      'http://127.0.0.1/',
      KeyRing.parse(old).seal('whsec_x', `consumer/orders/many-${n}`),
    ]),
  ]);
  const duty = dutyOf(KeyRing.parse(`${young},${old}`));
  expect([await duty.doOnce(), await duty.doOnce(), await duty.doOnce(), await duty.doOnce()]).toEqual([500, 500, 102, 0]);
});
