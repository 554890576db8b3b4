import { randomBytes } from 'node:crypto';
import { pullToken, writeReceipt } from '@app/domain';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { pullChannel, Puller } from './support/puller.js';

const MIB = 2 ** 20;

interface Problem {
  code: string;
  detail: string;
  errors?: { field: string; message: string }[];
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { POLL_ANSWER_BYTES: String(MIB), MAX_POLLS: '3', MAX_POLLS_PER_CONSUMER: '2' });
  await pullChannel(cluster, 'orders');
});
afterAll(() => cluster.stop());

const post = (path: string, body: unknown, key?: string | null) =>
  cluster.api<Problem>('POST', `/v1/channels/orders/consumers/c/leases${path}`, body, { 'content-type': 'application/json' }, key);

describe('bad input is named, with its limit', () => {
  const result = { receipt: 'x', outcome: 'ack' };
  it.each<[string, unknown, string, RegExp]>([
    ['', { max: 0 }, 'max', /1/],
    ['', { max: 501 }, 'max', /500/],
    ['', { max: 1.5 }, 'max', /integer/],
    ['', { waitMs: 60_001 }, 'waitMs', /60000/],
    ['', { waitMs: -1 }, 'waitMs', /0/],
    ['', { leaseMs: 999 }, 'leaseMs', /1000/],
    ['', { leaseMs: 43_200_001 }, 'leaseMs', /43200000/],
    ['', { wait: 1 }, 'wait', /exist/],
    ['/settle', {}, 'results', /./],
    ['/settle', undefined, 'results', /./],
    ['/settle', { results: [] }, 'results', /1/],
    ['/settle', { results: Array.from({ length: 501 }, () => result) }, 'results', /500/],
    ['/settle', { results: 'x' }, 'results', /array/],
    ['/settle', { results: ['x'] }, 'results', /object/],
    ['/settle', { results: [[]] }, 'results', /object/],
    ['/settle', { results: [result, { ...result, outcome: 'maybe' }] }, 'results.1.outcome', /ack, nack, dead/],
    ['/settle', { results: [{ outcome: 'ack' }] }, 'results.0.receipt', /string/],
    ['/settle', { results: [{ ...result, receipt: 'x'.repeat(201) }] }, 'results.0.receipt', /200/],
    ['/settle', { results: [{ ...result, outcome: 'nack', delayMs: 604_800_001 }] }, 'results.0.delayMs', /604800000/],
    ['/settle', { results: [{ ...result, delayMs: 5 }] }, 'results.0.delayMs', /nack only/],
    ['/settle', { results: [{ ...result, reason: 'y' }] }, 'results.0.reason', /nack and dead only/],
    ['/settle', { results: [{ ...result, outcome: 'dead', reason: 'y'.repeat(501) }] }, 'results.0.reason', /500/],
    ['/extend', {}, 'receipts', /./],
    ['/extend', { receipts: [] }, 'receipts', /1/],
    ['/extend', { receipts: Array.from({ length: 501 }, () => 'x') }, 'receipts', /500/],
    ['/extend', { receipts: [1] }, 'receipts', /string/],
    ['/extend', { receipts: ['x'], leaseMs: 1 }, 'leaseMs', /1000/],
  ])('%s, case %#', async (path, body, field, message) => {
    const answer = await post(path, body);
    expect([answer.status, answer.body.code]).toEqual([400, 'validation-failed']);
    const found = answer.body.errors?.filter((one) => one.field === field).map((one) => one.message);
    expect([answer.body.detail, found?.join('; ')]).toEqual([expect.stringContaining(field), expect.stringMatching(message)]);
  });

  it('and what is no JSON, or too large, is refused', async () => {
    expect((await post('', 'nonsense')).body.code).toBe('malformed-json');
    const reason = 'y'.repeat(500);
    const results = Array.from({ length: 500 }, () => ({ receipt: 'x', outcome: 'nack', reason }));
    const large = await post('/settle', { results });
    expect([large.status, large.body.code]).toEqual([413, 'payload-too-large']);
    expect(large.body.detail).toContain('262144');
  });

  it('settings that mean nothing for a pull consumer are refused, with what there is instead', async () => {
    const headers = { 'x-team': 'billing' };
    const answer = await cluster.api<Problem>('PUT', '/v1/channels/orders/consumers/c', {
      type: 'pull',
      timeoutMs: 500,
      maxInFlight: 5,
      headers,
    });
    expect(answer.body.errors?.map(({ field }) => field).toSorted()).toEqual(['headers', 'maxInFlight', 'timeoutMs']);
    expect(answer.body.detail).toMatch(/leaseMs/);
  });
});

describe('rights', () => {
  const keyOf = async (...scopes: string[]): Promise<string> =>
    (await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 't', scopes })).key;

  it('a key leases and settles for its own consumer only', async () => {
    await cluster.ok('PUT', '/v1/channels/orders/consumers/other', { type: 'pull' });
    const own = await keyOf('consume:orders/other');
    const id = await cluster.publish('orders', 'x');
    const lease = await Puller.on(cluster.ingest, 'orders', 'c').leaseOne();
    for (const path of ['', '/settle', '/extend']) {
      const refused = await post(path, { results: [{ receipt: lease.receipt, outcome: 'dead' }], receipts: [lease.receipt] }, own);
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    }
    // Through its own route the receipt of another consumer is worth nothing.
    const mine = Puller.on(cluster.ingest, 'orders', 'other', own);
    expect(await mine.settle({ receipt: lease.receipt, outcome: 'dead' })).toMatchObject([{ status: 'invalid' }]);
    expect(await mine.extend([lease.receipt])).toMatchObject([{ status: 'invalid' }]);
    expect(await cluster.delivery('orders', id, 'c')).toMatchObject({ status: 'in-flight' });
    expect((await mine.leaseOne()).message.id).toBe(id);
    expect(await Puller.on(cluster.ingest, 'orders', 'c').ack(lease)).toEqual(['settled']);
  });

  it.each(['publish:orders', 'read', 'manage:orders', 'consume:orders/d', 'consume:other/*'])('%s is not enough', async (scope) => {
    expect((await post('', {}, await keyOf(scope))).status).toBe(403);
  });

  it.each(['consume:orders/c', 'consume:orders/*', 'consume:*/*', 'admin'])('%s is enough', async (scope) => {
    expect((await post('', {}, await keyOf(scope))).status).toBe(200);
  });

  it('no key, and no such consumer', async () => {
    expect((await post('', {}, null)).status).toBe(401);
    for (const path of ['/v1/channels/orders/consumers/none/leases', '/v1/channels/none/consumers/c/leases']) {
      expect((await cluster.api<Problem>('POST', path, {})).body.code).toBe('not-found');
    }
  });
});

describe('a receipt that was not given', () => {
  it('settles nothing: neither with a guessed token nor with the token of a dispatcher', async () => {
    const [consumer] = await cluster.database.query<{ id: number }[]>(`SELECT id FROM consumer WHERE name = 'c'`);
    const id = await cluster.publish('orders', 'x');
    const puller = Puller.on(cluster.ingest, 'orders');
    const lease = await puller.leaseOne();
    const guess = (token: string): string => writeReceipt({ consumerId: consumer!.id, rank: 9, seq: id, messageId: id, attempt: 1, token });
    expect(await puller.settle({ receipt: guess(pullToken(randomBytes(8))), outcome: 'dead' })).toMatchObject([{ status: 'stale' }]);
    // A dispatcher's token is an id: it can be guessed, and so no receipt has one.
    await cluster.database.query('UPDATE ready SET lease_token = 4711 WHERE message_id = ?', [id]);
    expect(await puller.settle({ receipt: guess('4711'), outcome: 'dead' })).toMatchObject([{ status: 'invalid' }]);
    expect(await puller.ack(lease)).toEqual(['stale']);
    expect(await cluster.delivery('orders', id, 'c')).toMatchObject({ status: 'in-flight' });
    await cluster.database.query(`UPDATE ready SET lease_token = 0, lease_until = '2000-01-01' WHERE message_id = ?`, [id]);
    expect(await puller.ack(await puller.leaseOne())).toEqual(['settled']);
  });

  it('cannot name the message of another', async () => {
    const [consumer] = await cluster.database.query<{ id: number }[]>(`SELECT id FROM consumer WHERE name = 'c'`);
    const ids = [await cluster.publish('orders', 'x'), await cluster.publish('orders', 'y')];
    const puller = Puller.on(cluster.ingest, 'orders');
    const [lease] = await puller.lease();
    const token = Buffer.from(lease!.receipt, 'base64url').readBigUInt64BE(24).toString();
    const twisted = writeReceipt({ consumerId: consumer!.id, rank: 9, seq: ids[0]!, messageId: ids[1]!, attempt: 7, token });
    expect(await puller.ack({ receipt: twisted })).toEqual(['settled']);
    expect(await cluster.delivery('orders', ids[0]!, 'c')).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(await cluster.delivery('orders', ids[1]!, 'c')).toMatchObject({ status: 'queued' });
    expect(await puller.ack(await puller.leaseOne())).toEqual(['settled']);
  });
});

describe('limits of a process', () => {
  it('polls beyond them are refused with 429 and Retry-After, for one consumer and for all', async () => {
    for (const channel of ['one', 'two', 'three']) await pullChannel(cluster, channel);
    const hangUp = new AbortController();
    const waiting = (channel: string, count: number): Promise<unknown> => {
      const polls = Array.from({ length: count }, () => Puller.on(cluster.ingest, channel).lease({ waitMs: 30_000 }, hangUp.signal));
      for (const poll of polls) poll.catch(() => undefined);
      return eventually(async () => (await metric(cluster.ingest, 'posthorn_polls')) >= count);
    };
    await waiting('one', 2);
    const refused = { status: 429, code: 'too-many-requests', retryAfter: expect.stringMatching(/^[1-9]\d*$/) };
    await expect(Puller.on(cluster.ingest, 'one').lease()).rejects.toMatchObject({
      ...refused,
      detail: expect.stringContaining('2 polls of this'),
    });
    void waiting('two', 1);
    await eventually(async () => (await metric(cluster.ingest, 'posthorn_polls')) === 3);
    await expect(Puller.on(cluster.ingest, 'three').lease()).rejects.toMatchObject({
      ...refused,
      detail: expect.stringContaining('3 polls'),
    });
    hangUp.abort();
    await eventually(async () => (await metric(cluster.ingest, 'posthorn_polls')) === 0);
    expect(await Puller.on(cluster.ingest, 'three').lease()).toEqual([]);
  });

  it('an answer ends before its payloads are larger than POLL_ANSWER_BYTES, but has at least one', async () => {
    await pullChannel(cluster, 'large');
    const sizes = [400_000, 400_000, 400_000, MIB, 1];
    for (const size of sizes) await cluster.publish('large', 'x'.repeat(size));
    const puller = Puller.on(cluster.ingest, 'large');
    const got: number[][] = [];
    for (let n = 0; n < 4; n++) got.push((await puller.lease({ max: 10 })).map(({ message }) => message.payload!.length));
    expect(got).toEqual([[400_000, 400_000], [400_000], [MIB], [1]]);
    await eventually(async () => (await metric(cluster.ingest, 'posthorn_poll_bytes')) === 0);
  });

  it('polls that wait together share large messages without a new wake', async () => {
    await pullChannel(cluster, 'shared');
    await cluster.ok('POST', '/v1/channels/shared/consumers/c/pause');
    for (let n = 0; n < 2; n++) await cluster.publish('shared', 'x'.repeat(700_000));
    const polls = [0, 1].map(() => Puller.on(cluster.ingest, 'shared').lease({ waitMs: 20_000, max: 2 }));
    await eventually(async () => (await metric(cluster.ingest, 'posthorn_polls')) === 2);
    await cluster.ok('POST', '/v1/channels/shared/consumers/c/resume');
    expect((await Promise.all(polls)).map((leases) => leases.length)).toEqual([1, 1]);
  });
});
