import { firstIdAt, type Id } from '@app/domain';
import { accept, Node, sweepChannels } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { commitOf, DatabaseProxy } from './support/database-proxy.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { deliveriesOf, expectAllDelivered, messagesOf } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { newMessage } from './support/rows.js';
import type { Sink } from './support/sink.js';

interface MessageShape {
  id: string;
  status: string;
  deliveries: number | unknown[];
  deliverAt: string | null;
  code: string;
}
interface Page {
  items: MessageShape[];
  cursor: string | null;
}

let cluster: Cluster;
let dispatcher: AppProcess;
beforeAll(async () => {
  cluster = await Cluster.start({}, { INLINE_FANOUT: '2', RATIONAL_DELAY_MS: '1000' });
  dispatcher = cluster.processes[0]!;
});
afterAll(() => cluster?.stop());

async function channelWithOne(name: string, settings: Record<string, unknown> = {}): Promise<Sink> {
  const sink = await cluster.sink();
  await cluster.channel(name);
  await cluster.consumer(name, 'c', sink.url, settings);
  return sink;
}

const LATER = { 'posthorn-delay': '3600' };
const schedule = (channel: string, headers: Record<string, string>, body = 'x') =>
  cluster.api<MessageShape>('POST', `/v1/channels/${channel}/messages`, body, headers);
const read = (channel: string, id: string) => cluster.ok<MessageShape>('GET', `/v1/channels/${channel}/messages/${id}`);
const cancel = (channel: string, id: string) => cluster.api<MessageShape>('DELETE', `/v1/channels/${channel}/messages/${id}`);

/** Lets everything that is scheduled on a channel be due now. */
async function dueNow(channel: string): Promise<void> {
  await cluster.database.transaction('due now', async (session) => {
    const of = `JOIN channel h ON h.id = m.channel_id WHERE h.name = ? AND m.status = 3`;
    await session.query(`SELECT q.message_id FROM scheduled q JOIN channel h ON h.id = q.channel_id WHERE h.name = ? FOR UPDATE`, [
      channel,
    ]);
    await session.query(`UPDATE message m ${of.replace(' WHERE', ' SET m.deliver_at = NOW(3) WHERE')}`, [channel]);
    await session.query(
      `UPDATE scheduled q JOIN message m ON m.id = q.message_id SET q.due_at = m.deliver_at WHERE q.due_at <> m.deliver_at`,
    );
  });
}

const scheduledRows = async (channel: string): Promise<number> => {
  const [row] = await cluster.database.query<{ n: string }[]>(
    'SELECT COUNT(*) AS n FROM scheduled q JOIN channel h ON h.id = q.channel_id WHERE h.name = ?',
    [channel],
  );
  return Number(row!.n);
};

describe('a scheduled message', () => {
  it('leaves when it is due and not before, for the consumers and by the filters of that moment', async () => {
    const early = await channelWithOne('moment', { filter: { types: ['a'] } });
    const before = Date.now();
    const { status, body, headers } = await schedule('moment', { 'posthorn-delay': '2', 'posthorn-type': 'b' });
    expect([status, body.status, body.deliveries]).toEqual([201, 'scheduled', 0]);
    expect(body.deliverAt).toMatch(/^\d{4}-.*\.\d{3}Z$/);
    expect(headers.get('location')).toBe(`/v1/channels/moment/messages/${body.id}`);
    const view = await read('moment', body.id);
    expect(view).toMatchObject({ status: 'scheduled', deliveries: [], deliverAt: body.deliverAt });
    const dueAt = Date.parse(view.deliverAt!);
    expect(dueAt).toBeGreaterThanOrEqual(before + 2_000);
    const late = await cluster.sink();
    await cluster.consumer('moment', 'late', late.url);
    await eventually(() => late.ids.includes(body.id));
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
    await eventually(async () => (await read('moment', body.id)).status === 'out-for-delivery');
    expect(await read('moment', body.id)).toMatchObject({ deliverAt: view.deliverAt, deliveries: [{ consumer: 'late' }] });
    expect([late.ids.length, early.ids]).toEqual([1, []]);
  });

  it('is asked about by filters on its body when it is due', async () => {
    await cluster.channel('body');
    const sink = await cluster.sink();
    await cluster.consumer('body', 'c', sink.url, { filter: { body: { total: [{ numeric: ['>', 100] }] } } });
    const json = { ...LATER, 'content-type': 'application/json' };
    await schedule('body', json, '{"total":1}');
    const { body } = await schedule('body', json, '{"total":101}');
    await dueNow('body');
    await eventually(async () => (await scheduledRows('body')) === 0);
    await eventually(() => cluster.idle());
    expect(sink.ids).toEqual([body.id]);
  });

  it('leaves at once when its time has passed', async () => {
    const sink = await channelWithOne('past');
    const { body } = await schedule('past', { 'posthorn-deliver-at': '2026-01-01T00:00:00Z' });
    expect(body).toMatchObject({ status: 'out-for-delivery', deliveries: 1 });
    expect((await schedule('past', { 'posthorn-delay': '0' })).body.deliveries).toBe(1);
    const { body: now } = await schedule('past', { 'posthorn-deliver-at': new Date().toISOString() });
    await eventually(() => sink.ids.includes(now.id));
  });

  it('answers a repeated Idempotency-Key with the first id', async () => {
    await channelWithOne('repeated');
    const key = { ...LATER, 'idempotency-key': 'k' };
    const first = await schedule('repeated', key);
    const again = await schedule('repeated', { 'idempotency-key': 'k' });
    expect([first.status, again.status, again.body]).toEqual([201, 200, first.body]);
    expect(first.body).toMatchObject({ status: 'scheduled', deliveries: 0, deliverAt: (await read('repeated', first.body.id)).deliverAt });
    expect([await messagesOf(cluster, 'repeated'), await scheduledRows('repeated')]).toEqual([1, 1]);
  });

  it('says in its answer when it leaves, alone and in a batch, also when it has left; others say nothing of it', async () => {
    const sink = await channelWithOne('answers');
    const at = new Date(Date.now() + 86_400_000).toISOString();
    expect((await schedule('answers', { 'posthorn-deliver-at': at })).body.deliverAt).toBe(at);
    expect('deliverAt' in (await schedule('answers', {})).body).toBe(false);
    const items = [
      { payload: 1, deliverAt: at, idempotencyKey: 'a' },
      { payload: 2, delaySeconds: 60, idempotencyKey: 'b' },
      { payload: 3, idempotencyKey: 'c' },
      ...Array.from({ length: 300 }, (_, n) => ({ payload: n, delaySeconds: 3_600 })),
    ];
    for (const query of ['', '?atomic=false']) {
      const send = () => cluster.ok<{ results: MessageShape[] }>('POST', `/v1/channels/answers/messages/batch${query}`, items);
      const { results } = await send();
      expect([results[0]!.deliverAt, 'deliverAt' in results[2]!]).toEqual([at, false]);
      for (const result of [results[1]!, results[3]!, results.at(-1)!])
        expect(result.deliverAt).toBe((await read('answers', result.id)).deliverAt);
      expect((await send()).results.slice(0, 3)).toEqual(results.slice(0, 3));
    }
    const gone = await schedule('answers', { 'posthorn-delay': '1', 'idempotency-key': 'gone' });
    await eventually(() => sink.ids.includes(gone.body.id));
    await eventually(async () => (await read('answers', gone.body.id)).status === 'out-for-delivery');
    expect((await schedule('answers', { 'idempotency-key': 'gone' })).body).toEqual({
      ...gone.body,
      status: 'out-for-delivery',
      deliveries: 1,
    });
  });

  it('of a channel with more consumers than are served inline is fanned out', async () => {
    await cluster.channel('large');
    const sinks = await Promise.all([1, 2, 3].map(() => cluster.sink()));
    for (const [n, sink] of sinks.entries()) await cluster.consumer('large', `c${n}`, sink.url);
    const ids = await Promise.all([1, 2].map(async () => (await schedule('large', LATER)).body.id));
    await dueNow('large');
    await eventually(async () => (await scheduledRows('large')) === 0);
    await expectAllDelivered(cluster, 'large', ids, sinks);
    for (const sink of sinks) expect(sink.ids).toHaveLength(2);
  });

  it('joins the end of the lane, and its age counts from when it was due', async () => {
    const sink = await channelWithOne('old');
    await cluster.ok('POST', '/v1/channels/old/consumers/c/pause');
    const node = await Node.join(cluster.database, 'ingest');
    const [channel] = await cluster.database.query<{ id: number }[]>(`SELECT id FROM channel WHERE name = 'old'`);
    const id = firstIdAt(Date.now() - 86_400_000);
    await accept(cluster.database, [{ ...newMessage(node, channel!.id), id, due: { afterSeconds: 1 } }], 100);
    await node.leave();
    await eventually(async () => (await read('old', id)).status === 'out-for-delivery');
    const [lane] = await cluster.database.query<{ seq: Id }[]>('SELECT seq FROM ready WHERE message_id = ?', [id]);
    expect(BigInt(lane!.seq)).toBeGreaterThan(BigInt(firstIdAt(Date.now() - 3_600_000)));
    const before = await metric(dispatcher, 'posthorn_end_to_end_seconds_sum');
    await cluster.ok('POST', '/v1/channels/old/consumers/c/resume');
    await eventually(() => sink.ids.includes(id));
    await eventually(() => cluster.idle());
    expect((await metric(dispatcher, 'posthorn_end_to_end_seconds_sum')) - before).toBeLessThan(3_600);
  });

  it('is counted, and listed without those that are not', async () => {
    await channelWithOne('listed');
    const at = (day: number) => ({ 'posthorn-deliver-at': new Date(Date.now() + day * 86_400_000).toISOString() });
    const ids: string[] = [];
    for (const day of [3, 1, 366, 2]) ids.push((await schedule('listed', at(day))).body.id);
    await cluster.publish('listed', 'not scheduled');
    const path = '/v1/channels/listed/messages?status=scheduled&limit=3';
    const first = await cluster.ok<Page>('GET', path);
    const second = await cluster.ok<Page>('GET', `${path}&cursor=${first.cursor}`);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(second.cursor).toBeNull();
    expect(first.items[0]).toMatchObject({ status: 'scheduled', deliverAt: expect.stringMatching(/Z$/) });
    expect((await cluster.api('GET', '/v1/channels/listed/messages?status=other')).status).toBe(400);
    const { scheduled } = await cluster.ok<{ scheduled: object }>('GET', '/v1/status');
    expect(scheduled).toMatchObject({ messages: expect.any(Number), overdueSeconds: expect.any(Number), capped: false });
    expect((scheduled as { messages: number }).messages).toBeGreaterThanOrEqual(4);
  });

  it.each([
    [{ 'posthorn-deliver-at': 'tomorrow' }, 'Posthorn-Deliver-At', 'RFC 3339'],
    [{ 'posthorn-deliver-at': '2099-01-01T00:00:00Z' }, 'Posthorn-Deliver-At', '366 days'],
    [{ 'posthorn-delay': '1.5' }, 'Posthorn-Delay', '0 to 31622400'],
    [{ 'posthorn-delay': '31622401' }, 'Posthorn-Delay', '0 to 31622400'],
    [{ 'posthorn-delay': '-1' }, 'Posthorn-Delay', '0 to 31622400'],
    [{ 'posthorn-delay': '1', 'posthorn-deliver-at': '2026-01-01T00:00:00Z' }, 'Posthorn-Delay', 'beside'],
  ])('is refused with %j', async (headers, field, limit) => {
    await cluster.channel('bad');
    const { status, body } = await schedule('bad', headers);
    expect([status, body]).toMatchObject([400, { code: 'validation-failed', field, detail: expect.stringContaining(limit) }]);
    expect(await messagesOf(cluster, 'bad')).toBe(0);
  });

  it('holds its channel, and is cancelled with it by force', async () => {
    await cluster.channel('gone');
    const { body } = await schedule('gone', LATER);
    expect(await cluster.api('DELETE', '/v1/channels/gone')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await cluster.api('DELETE', '/v1/channels/gone?force=true')).status).toBe(204);
    while ((await sweepChannels(cluster.database)) > 0);
    const [row] = await cluster.database.query<{ status: number }[]>('SELECT status FROM message WHERE id = ?', [body.id]);
    expect(row!.status).toBe(4);
    expect(await cluster.database.query('SELECT 1 FROM scheduled WHERE message_id = ?', [body.id])).toEqual([]);
  });
});

describe('a cancelled message', () => {
  it('goes to nobody, and cancelling it again changes nothing', async () => {
    const sink = await channelWithOne('cancelled');
    const { body } = await schedule('cancelled', { ...LATER, 'idempotency-key': 'k' });
    const { key } = await cluster.ok<{ key: string }>('POST', '/v1/keys', { name: 'p', scopes: ['publish:cancelled'] });
    const path = `/v1/channels/cancelled/messages/${body.id}`;
    expect((await cluster.api('DELETE', path, undefined, {}, key)).status).toBe(204);
    expect((await cancel('cancelled', body.id)).status).toBe(204);
    expect(await read('cancelled', body.id)).toMatchObject({ status: 'cancelled', deliveries: [] });
    expect((await schedule('cancelled', { 'idempotency-key': 'k' })).body).toMatchObject({ id: body.id, status: 'cancelled' });
    const { items } = await cluster.ok<{ items: { resource: string; status: number }[] }>('GET', `/v1/audit?resource=${path}`);
    expect(items).toHaveLength(2);
    await dueNow('cancelled');
    await meanwhile(800);
    expect([sink.ids, await scheduledRows('cancelled')]).toEqual([[], 0]);
  });

  it('is refused when it has left or is not there', async () => {
    const sink = await channelWithOne('left');
    const plain = await cluster.publish('left', 'x');
    const { body } = await schedule('left', { 'posthorn-delay': '1' });
    await eventually(() => sink.ids.includes(body.id));
    for (const id of [plain, body.id]) expect(await cancel('left', id)).toMatchObject({ status: 409, body: { code: 'not-scheduled' } });
    expect((await cancel('left', '1')).status).toBe(404);
    expect((await cancel('past', body.id)).status).toBe(404);
  });
});

describe('thousands that are due in the same second', () => {
  it('leave once each, while live messages of another channel arrive', async () => {
    const [crowd, live] = [await channelWithOne('crowd'), await channelWithOne('live')];
    const count = 5_000;
    for (let from = 0; from < count; from += 1_000) {
      const items = Array.from({ length: 1_000 }, (_, n) => ({ payload: from + n, delaySeconds: 3_600 }));
      await cluster.ok('POST', '/v1/channels/crowd/messages/batch', items);
    }
    expect(await scheduledRows('crowd')).toBe(count);
    await dueNow('crowd');
    const arrivedMeanwhile: number[] = [];
    while (crowd.received.length < count) {
      const id = await cluster.publish('live', 'x');
      await eventually(() => live.ids.includes(id), 30_000);
      arrivedMeanwhile.push(crowd.received.length);
    }
    // Live messages came through while the crowd was on its way.
    expect(arrivedMeanwhile.filter((received) => received < count).length).toBeGreaterThan(3);
    await eventually(() => cluster.idle(), 30_000);
    expect(new Set(crowd.ids).size).toBe(count);
    expect(crowd.ids).toHaveLength(count);
    expect(await deliveriesOf(cluster, 'crowd', 'delivered')).toBe(count);
    expect(await metric(dispatcher, 'posthorn_released_total')).toBeGreaterThanOrEqual(count);
  }, 120_000);
});

describe('of a cancellation and a release at the same moment', () => {
  it('exactly one wins, for each of many messages', async () => {
    const sink = await channelWithOne('race');
    const items = Array.from({ length: 200 }, () => ({ payload: 1, delaySeconds: 3_600 }));
    const { results } = await cluster.ok<{ results: { id: string }[] }>('POST', '/v1/channels/race/messages/batch', items);
    const first = await Promise.all(results.slice(0, 20).map(({ id }) => cancel('race', id)));
    await dueNow('race');
    const rest = await Promise.all(results.slice(20).map(({ id }) => cancel('race', id)));
    const answers = [...first, ...rest];
    const cancelled = results.filter((_, n) => answers[n]!.status === 204).map(({ id }) => id);
    expect(answers.every(({ status }) => status === 204 || status === 409)).toBe(true);
    expect(cancelled.length).toBeGreaterThanOrEqual(20);
    await eventually(async () => (await scheduledRows('race')) === 0 && (await cluster.idle()));
    expect([...cancelled, ...sink.ids].toSorted()).toEqual(results.map(({ id }) => id).toSorted());
  });
});

describe('with a dispatcher that is stopped at a statement', () => {
  let proxy: DatabaseProxy;
  let held: AppProcess;
  const RELEASE = 'DELETE q FROM';
  const release = (sql: string, transaction: readonly string[]): boolean =>
    commitOf(RELEASE)(sql, transaction) && transaction.some((one) => one.includes('scheduled q'));

  beforeAll(() => dispatcher.kill());
  beforeEach(async () => {
    proxy = await DatabaseProxy.open(cluster.test.url);
    held = await cluster.startDispatcher({ DATABASE_URL: proxy.url });
  });
  afterEach(async () => {
    await Promise.all(cluster.processes.filter((one) => one !== cluster.ingest).map((one) => one.kill()));
    await proxy.close();
  });

  it('a cancellation waits for the release that has begun, and loses', async () => {
    const sink = await channelWithOne('release-first');
    const { body } = await schedule('release-first', LATER);
    const caught = proxy.catchStatement(release);
    await dueNow('release-first');
    const commit = await caught;
    const cancelling = cancel('release-first', body.id);
    expect(await Promise.race([cancelling, meanwhile(500)])).toBeUndefined();
    commit.pass();
    expect(await cancelling).toMatchObject({ status: 409, body: { code: 'not-scheduled' } });
    await expectAllDelivered(cluster, 'release-first', [body.id], [sink]);
  });

  it('a release steps over what is being cancelled, and sends the others', async () => {
    const sink = await channelWithOne('cancel-first');
    const { body } = await schedule('cancel-first', LATER);
    const { body: other } = await schedule('cancel-first', LATER);
    const through = await DatabaseProxy.open(cluster.test.url);
    const plain = cluster.ingest;
    const broken = await cluster.startIngest({ DATABASE_URL: through.url });
    const caught = through.catchStatement(commitOf('DELETE FROM scheduled'));
    const cancelling = cancel('cancel-first', body.id);
    const commit = await caught;
    // By its key: the other row is locked.
    const [place] = await cluster.database.query<{ due: string }[]>(
      'SELECT CAST(due_at AS CHAR) AS due FROM scheduled WHERE message_id = ?',
      [other.id],
    );
    await cluster.database.query('UPDATE message SET deliver_at = NOW(3) WHERE id = ?', [other.id]);
    await cluster.database.query(
      'UPDATE scheduled SET due_at = (SELECT deliver_at FROM message WHERE id = ?) WHERE due_at = ? AND message_id = ?',
      [other.id, place!.due, other.id],
    );
    await eventually(() => sink.ids.includes(other.id));
    commit.pass();
    expect((await cancelling).status).toBe(204);
    cluster.ingest = plain;
    await broken.kill();
    await through.close();
    await meanwhile(600);
    expect(sink.ids).toEqual([other.id]);
  });

  it.each([
    ['before', 'statement'],
    ['after', 'answer'],
  ] as const)('and killed %s the COMMIT of a release, each message leaves once', async (_when, at) => {
    const channel = `killed-${at}`;
    const sink = await channelWithOne(channel);
    const ids = await Promise.all([1, 2, 3].map(async () => (await schedule(channel, LATER)).body.id));
    const caught = at === 'statement' ? proxy.catchStatement(release) : proxy.catchAnswer(release);
    await dueNow(channel);
    await caught;
    await held.kill();
    await eventually(async () => (await scheduledRows(channel)) === (at === 'statement' ? 3 : 0));
    expect(sink.ids).toEqual([]);
    await cluster.startDispatcher();
    await eventually(async () => (await scheduledRows(channel)) === 0);
    await expectAllDelivered(cluster, channel, ids, [sink]);
    expect(sink.ids).toHaveLength(3);
  });

  it('for good, the scheduler releases what is overdue', async () => {
    await held.kill();
    await channelWithOne('overdue');
    const { body } = await schedule('overdue', LATER);
    await dueNow('overdue');
    const scheduler = await cluster.startScheduler();
    await eventually(async () => (await read('overdue', body.id)).status === 'out-for-delivery', 30_000);
    expect(await metric(scheduler, 'posthorn_failsafe_repaired_total', 'duty="release-overdue"')).toBeGreaterThanOrEqual(1);
    await eventually(async () => (await metric(scheduler, 'posthorn_backlog', 'table="scheduled"')) > 0, 30_000);
    expect(await metric(scheduler, 'posthorn_scheduled_overdue_seconds')).toBe(0);
  });
});
