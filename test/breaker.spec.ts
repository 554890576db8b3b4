import { accept, claim, type Claimed, Node, settle } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { freshDatabase } from './support/database.js';
import { eventually, meanwhile } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { deliveriesOf, expectAllDelivered } from './support/outcome.js';
import type { AppProcess } from './support/processes.js';
import { channelWith, newMessage } from './support/rows.js';

interface View {
  breakerState: { state: string; openedAt: string | null; retryAt: string | null; reason: string | null };
  disabled: boolean;
  disabledReason: string | null;
  failingSince: string | null;
  version: number;
}

/** A lease of 3 s for the attempt, 1 s to settle and 5 s. */
const SHORT_LEASES = { DELIVERY_TIMEOUT_MS: '3000', SETTLE_TIME_MS: '1000' };
/** Enough attempts for whatever happens. */
const PATIENT = { delays: Array.from({ length: 50 }, () => 0.05) };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 2 }, SHORT_LEASES);
});
afterAll(() => cluster.stop());

const view = (channel: string): Promise<View> => cluster.ok('GET', `/v1/channels/${channel}/consumers/c`);
const state = async (channel: string): Promise<string> => (await view(channel)).breakerState.state;
const publish = (channel: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => cluster.publish(channel, `${n}`)));
const dispatchers = (): AppProcess[] => cluster.processes.filter((one) => one.app === 'dispatcher' && !one.exited);

it('a consumer that always fails is left alone, spends few attempts, delays nobody, and gets everything when it is well again', async () => {
  const [sick, well] = [await cluster.sink(), await cluster.sink()];
  sick.answersStatus(500);
  await cluster.channel('sick');
  const breaker = { minimum: 10, openSeconds: 1, maxOpenSeconds: 2 };
  await cluster.consumer('sick', 'c', sick.url, { maxInFlight: 5, retry: PATIENT, breaker });
  await cluster.consumer('sick', 'well', well.url);
  const ids = await publish('sick', 200);
  await eventually(() => new Set(well.ids).size === 200, 30_000);
  await eventually(async () => (await state('sick')) !== 'closed');
  expect((await view('sick')).breakerState).toMatchObject({ openedAt: expect.any(String), retryAt: expect.any(String), reason: 'errors' });
  await meanwhile(2_500);
  // Each process sees ten failures, with five in flight; then one probe at a time, every second or two. Without a breaker there are hundreds in a second.
  expect(sick.received.length).toBeLessThan(60);
  const [spent] = await cluster.database.query<{ n: string }[]>(
    `SELECT SUM(d.attempts) AS n FROM delivery d JOIN consumer c ON c.id = d.consumer_id JOIN channel h ON h.id = c.channel_id
      WHERE h.name = 'sick' AND c.name = 'c'`,
  );
  expect(Number(spent!.n)).toBeLessThan(60);
  expect(await deliveriesOf(cluster, 'sick', 'dead')).toBe(0);
  sick.answersStatus(200);
  await expectAllDelivered(cluster, 'sick', ids, [sick, well]);
  await eventually(async () => (await state('sick')) === 'closed');
  expect((await view('sick')).breakerState).toEqual({ state: 'closed', openedAt: null, retryAt: null, reason: null });
  const counts = await Promise.all(dispatchers().map((one) => metric(one, 'posthorn_probes_ended_total', 'to="closed"')));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
});

it('stays open when dispatchers are killed and started anew, shows in the status, and is closed by resume', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(502);
  await cluster.channel('lasting');
  await cluster.consumer('lasting', 'c', sink.url, { retry: PATIENT, breaker: { minimum: 3, openSeconds: 3_600 } });
  await publish('lasting', 6);
  await eventually(async () => (await state('lasting')) === 'open');
  const old = dispatchers();
  await Promise.all([cluster.startDispatcher(), cluster.startDispatcher()]);
  await Promise.all(old.map((one) => one.kill()));
  const seen = sink.received.length;
  await publish('lasting', 20);
  await meanwhile(1_500);
  expect(sink.received).toHaveLength(seen);
  const { items } = await cluster.ok<{ items: { channel: string; consumer: string; breaker: string }[] }>('GET', '/v1/status');
  expect(items.find(({ channel }) => channel === 'lasting')).toMatchObject({ consumer: 'c', breaker: 'open' });
  sink.answersStatus(200);
  await cluster.ok('POST', '/v1/channels/lasting/consumers/c/resume');
  expect(await state('lasting')).toBe('closed');
  await eventually(async () => (await deliveriesOf(cluster, 'lasting', 'delivered')) === 26, 30_000);
});

it('is closed by a PUT, whose settings hold at once', async () => {
  const [dead, alive] = [await cluster.sink(), await cluster.sink()];
  dead.answersStatus(500);
  await cluster.channel('moved');
  const breaker = { minimum: 3, openSeconds: 3_600 };
  await cluster.consumer('moved', 'c', dead.url, { retry: PATIENT, breaker });
  const ids = await publish('moved', 10);
  await eventually(async () => (await state('moved')) === 'open');
  const { version } = await view('moved');
  await cluster.consumer('moved', 'c', alive.url, { retry: PATIENT, breaker });
  expect(await view('moved')).toMatchObject({ breakerState: { state: 'closed' }, version: version + 1 });
  await eventually(() => new Set(alive.ids).size === ids.length);
});

it('one process probes with one delivery; when it is killed the right passes on, and success closes', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(500);
  await cluster.channel('probed');
  await cluster.consumer('probed', 'c', sink.url, {
    maxInFlight: 2,
    retry: PATIENT,
    breaker: { minimum: 5, openSeconds: 1, maxOpenSeconds: 1 },
  });
  const ids = await publish('probed', 50);
  await eventually(async () => (await state('probed')) !== 'closed');
  const inFlight = async (): Promise<number> =>
    (await deliveriesOf(cluster, 'probed', 'in-flight')) + (await deliveriesOf(cluster, 'probed', 'retry-in-flight'));
  await eventually(async () => (await inFlight()) === 0);
  let hangs = 0;
  sink.answers(() => void hangs++);
  const probe = await eventually(async () => {
    const [row] = await cluster.database.query<{ token: string | null }[]>(
      `SELECT c.breaker_probe AS token FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = 'probed'`,
    );
    return hangs > 0 && row!.token !== null && row!.token;
  });
  const node = Number((BigInt(probe) >> 12n) & 1023n);
  const prober = dispatchers().find((one) => one.field('dispatcher.joined', 'node') === node)!;
  await prober.kill();
  const posted = sink.received.length;
  await meanwhile(1_500);
  // The other one waits until the right has run out.
  expect(sink.received).toHaveLength(posted);
  sink.answersStatus(200);
  await eventually(async () => (await state('probed')) === 'closed', 30_000);
  await eventually(async () => (await deliveriesOf(cluster, 'probed', 'delivered')) === ids.length, 30_000);
  await cluster.startDispatcher();
});

it('opens for a consumer that answers, but too slowly', async () => {
  const sink = await cluster.sink((_received, response) => void setTimeout(() => response.end('ok'), 150));
  await cluster.channel('slow');
  await cluster.consumer('slow', 'c', sink.url, { maxInFlight: 2, breaker: { minimum: 4, slowMs: 100, openSeconds: 3_600 } });
  await publish('slow', 40);
  await eventually(async () => (await view('slow')).breakerState.reason === 'slow');
  await eventually(async () => (await deliveriesOf(cluster, 'slow', 'in-flight')) === 0);
  expect(sink.received.length).toBeLessThan(40);
});

it.each([
  ['answers that are about the message', 404, { minimum: 2, openSeconds: 3_600 }],
  ['anything when there is none', 500, false],
])('does not open for %s', async (_what, status, breaker) => {
  const channel = `never-${status}`;
  const sink = await cluster.sink();
  sink.answersStatus(status);
  await cluster.channel(channel);
  await cluster.consumer(channel, 'c', sink.url, { retry: { delays: [0] }, breaker });
  await publish(channel, 30);
  await eventually(async () => (await deliveriesOf(cluster, channel, 'dead')) === 30);
  expect(sink.received).toHaveLength(60);
  expect(await state(channel)).toBe('closed');
});

it('a consumer that only fails shows since when, and does not any more after a success', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(404);
  await cluster.channel('failing');
  await cluster.consumer('failing', 'c', sink.url, { retry: PATIENT });
  await publish('failing', 1);
  const { failingSince, disabled } = await eventually(async () => {
    const found = await view('failing');
    return found.failingSince !== null && found;
  });
  expect(Math.abs(Date.parse(failingSince!) - Date.now())).toBeLessThan(10_000);
  expect(disabled).toBe(false);
  sink.answersStatus(200);
  await eventually(async () => (await view('failing')).failingSince === null);
});

it('a consumer that has only failed for too long is disabled, loudly; its deliveries are held until it is put anew', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(401);
  await cluster.channel('hopeless', { disableAfterSeconds: 1 });
  await cluster.consumer('hopeless', 'c', sink.url, { retry: PATIENT, maxInFlight: 2 });
  const ids = await publish('hopeless', 20);
  await eventually(async () => (await view('hopeless')).disabled);
  expect(await view('hopeless')).toMatchObject({ disabledReason: 'failing', failingSince: expect.any(String) });
  await eventually(() =>
    dispatchers().some(({ lines }) => lines.some((line) => line.msg === 'consumer.disabled' && line['reason'] === 'failing')),
  );
  await eventually(async () => (await deliveriesOf(cluster, 'hopeless', 'retry-in-flight')) === 0);
  const seen = sink.received.length;
  await meanwhile(700);
  expect(sink.received).toHaveLength(seen);
  expect(await deliveriesOf(cluster, 'hopeless', 'dead')).toBe(0);
  sink.answersStatus(200);
  await cluster.consumer('hopeless', 'c', sink.url, { retry: PATIENT });
  expect(await view('hopeless')).toMatchObject({ disabled: false, disabledReason: null, failingSince: null });
  await eventually(async () => (await deliveriesOf(cluster, 'hopeless', 'delivered')) === ids.length);
});

it('a PUT of what is there already does not forget for how long it has failed', async () => {
  const sink = await cluster.sink();
  sink.answersStatus(401);
  await cluster.channel('kept');
  await cluster.consumer('kept', 'c', sink.url, { retry: { delays: [60] } });
  await publish('kept', 1);
  const { failingSince } = await eventually(async () => {
    const found = await view('kept');
    return found.failingSince !== null && found;
  });
  await cluster.consumer('kept', 'c', sink.url, { retry: { delays: [60] } });
  expect((await view('kept')).failingSince).toBe(failingSince);
  await cluster.consumer('kept', 'c', sink.url, { retry: { delays: [61] } });
  expect((await view('kept')).failingSince).toBeNull();
});

it.each([
  [{ breaker: { minimum: 0 } }, 'breaker.minimum', /from 1 to 1000/],
  [{ breaker: true }, 'breaker', /false, or an object/],
  [{ disableAfterSeconds: 31_536_001 }, 'disableAfterSeconds', /31536000/],
  [{ type: 'pull', url: null, breaker: {} }, 'breaker', /left out for a pull consumer/],
  [{ type: 'pull', url: null, disableAfterSeconds: 5 }, 'disableAfterSeconds', /left out for a pull consumer/],
])('refuses %j, naming %s', async (settings, field, detail) => {
  await cluster.channel('refused');
  const body = { type: 'push', url: 'http://127.0.0.1:9/', ...settings };
  const answer = await cluster.api<{ code: string; field: string; detail: string }>('PUT', '/v1/channels/refused/consumers/c', body);
  expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, 'validation-failed', field]);
  expect(answer.body.detail).toMatch(detail);
});

it('shows the settings that were given, and takes them back', async () => {
  await cluster.channel('shown');
  const put = (breaker: unknown) =>
    cluster.ok<{ breaker: unknown }>('PUT', '/v1/channels/shown/consumers/c', { url: 'http://127.0.0.1:9/', breaker });
  expect((await put(undefined)).breaker).toBeNull();
  expect((await put(false)).breaker).toBe(false);
  const { breaker } = await put({ errorRate: 0.25 });
  expect(breaker).toMatchObject({ errorRate: 0.25, minimum: 20, openSeconds: 30 });
  expect((await put(breaker)).breaker).toEqual(breaker);
});

it('costs consumers that are well no statement', async () => {
  const test = await freshDatabase();
  try {
    const { database } = test;
    const node = await Node.join(database, 'dispatcher');
    const { channelId, consumerIds } = await channelWith(database, 1);
    await accept(database, [newMessage(node, channelId)], 100);
    const { claimed } = await claim(database, [{ consumerId: consumerIds[0]!, limit: 1, leaseMs: 30_000 }], node.mint());
    const sent: string[] = [];
    const connect = database.packetPool.connect.bind(database.packetPool);
    database.packetPool.connect = async () => {
      const connection = await connect();
      const run = connection.run.bind(connection);
      connection.run = (statements) => {
        sent.push(
          ...statements.map(({ sql }) =>
            sql
              .trim()
              .split(/[^@\w]+/)
              .slice(0, 3)
              .join(' '),
          ),
        );
        return run(statements);
      };
      return connection;
    };
    const outcome = (one: Claimed) =>
      ({
        claim: one,
        step: { to: 'delivered' },
        startedAtMs: Date.now(),
        durationMs: 1,
        httpCode: 200,
        errorClass: null,
        responseBody: null,
      }) as const;
    await settle(database, claimed.map(outcome), node);
    expect(sent).toEqual([
      'START TRANSACTION',
      'DELETE r FROM',
      'SET @fence 0',
      'UPDATE JSON_TABLE COLUMNS',
      'INSERT INTO attempt',
      'COMMIT',
    ]);
  } finally {
    await test.drop();
  }
});
