import { createHmac } from 'node:crypto';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import type { Received } from './support/sink.js';

interface Entry {
  id: string;
  attempt: number;
  payload?: string;
  payloadBase64?: string;
  headers: Record<string, string>;
  type: string | null;
}
interface Envelope {
  batch: string;
  channel: string;
  consumer: string;
  messages: Entry[];
}

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
  await cluster.channel('c');
});
afterAll(() => cluster?.stop());

const read = ({ body }: Received): Envelope => JSON.parse(body.toString());
const entriesOf = (received: readonly Received[]): Entry[] => received.flatMap((one) => read(one).messages);
const attemptsOf = async (id: string, consumer: string) =>
  (await cluster.delivery('c', id, consumer)).attemptLog.map(({ errorClass }) => errorClass);

/** Publishes while the consumer is paused, so that it is all there when it resumes. */
async function publishHeld(consumer: string, payloads: readonly (string | Uint8Array)[]): Promise<string[]> {
  await cluster.ok('POST', `/v1/channels/c/consumers/${consumer}/pause`);
  const ids: string[] = [];
  for (const payload of payloads) ids.push(await cluster.publish('c', payload, { 'posthorn-type': 'a', 'posthorn-header-x-n': consumer }));
  await cluster.ok('POST', `/v1/channels/c/consumers/${consumer}/resume`);
  return ids;
}
const batched = (name: string, url: string, more: Record<string, unknown> = {}): Promise<string> =>
  cluster.consumer('c', name, url, {
    batch: { maxMessages: 3, maxWaitMs: 200 },
    filter: { headers: { 'x-n': [name] } },
    retry: { delays: [0, 0, 0] },
    ...more,
  });

it('posts messages together, exact and signed as a whole', async () => {
  const sink = await cluster.sink();
  const secret = await batched('many', sink.url);
  const bytes = Buffer.from([0xff, 0, 0xfe]);
  const payloads = ['{"n": 1}', 'ü "quoted"\n', bytes, '', 'last'];
  const ids = await publishHeld('many', payloads);
  await eventually(() => cluster.idle());
  const entries = entriesOf(sink.received);
  expect(entries.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  const got = new Map(
    entries.map((one) => [one.id, one.payloadBase64 === undefined ? Buffer.from(one.payload!) : Buffer.from(one.payloadBase64, 'base64')]),
  );
  for (const [n, id] of ids.entries()) expect(got.get(id)).toEqual(Buffer.from(payloads[n]!));
  expect(entries[0]).toMatchObject({ attempt: 1, type: 'a', contentType: 'text/plain', headers: { 'x-n': 'many' } });
  expect(sink.received.length).toBeLessThan(ids.length);
  for (const one of sink.received) {
    const { batch, channel, consumer, messages } = read(one);
    expect([channel, consumer, one.headers['posthorn-batch']]).toEqual(['c', 'many', String(messages.length)]);
    expect(messages.length).toBeLessThanOrEqual(3);
    expect([one.headers['webhook-id'], one.headers['content-type']]).toEqual([batch, 'application/json']);
    const signed = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
      .update(`${batch}.${String(one.headers['webhook-timestamp'])}.`)
      .update(one.body)
      .digest('base64');
    expect(one.headers['webhook-signature']).toBe(`v1,${signed}`);
  }
  for (const id of ids) expect(await attemptsOf(id, 'many')).toEqual([null]);
});

it('retries what the consumer names, delivers the rest, and ignores ids that it does not know', async () => {
  const failed = new Set<string>();
  const sink = await cluster.sink((received, response) => {
    const failures = read(received).messages.flatMap(({ id, attempt, payload }) =>
      payload === 'bad' && attempt === 1 ? [{ id, delayMs: 10 }] : [],
    );
    for (const { id } of failures) failed.add(id);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ failures: [...failures, { id: '1' }] }));
  });
  await batched('part', sink.url);
  const ids = await publishHeld('part', ['good', 'bad', 'good', 'bad']);
  await eventually(() => cluster.idle());
  expect(failed.size).toBe(2);
  for (const [n, id] of ids.entries()) expect(await attemptsOf(id, 'part')).toEqual(n % 2 === 1 ? ['nacked', null] : [null]);
  expect(cluster.processes.flatMap(({ lines }) => lines).some(({ msg }) => msg === 'batch.unknown-failures')).toBe(true);
});

it.each<[string, number, string, string]>([
  ['500', 500, 'no', 'http-status'],
  ['vague', 200, '{"failures": [1]}', 'invalid-response'],
  ['long', 200, JSON.stringify({ failures: [], more: 'x'.repeat(70_000) }), 'invalid-response'],
])('fails every message when the answer is %s, until they are dead', async (name, status, body, errorClass) => {
  const sink = await cluster.sink((_received, response) => void response.writeHead(status).end(body));
  await batched(`bad-${name}`, sink.url, { retry: { delays: [0] } });
  const ids = await publishHeld(`bad-${name}`, ['x', 'y']);
  await eventually(() => cluster.idle());
  for (const id of ids) {
    expect(await cluster.delivery('c', id, `bad-${name}`)).toMatchObject({ status: 'dead', attempts: 2 });
    expect(await attemptsOf(id, `bad-${name}`)).toEqual([errorClass, errorClass]);
  }
});

it('delivers every message of a batch again when the dispatcher is killed in its middle', async () => {
  const sink = await cluster.sink(() => undefined);
  await batched('killed', sink.url);
  const ids = await publishHeld('killed', ['1', '2', '3']);
  await eventually(() => entriesOf(sink.received).length === 3);
  const dispatcher = cluster.processes.find(({ app }) => app === 'dispatcher')!;
  await dispatcher.kill();
  const before = sink.received.length;
  sink.answersStatus(200);
  // The leases run out.
  await cluster.database.query(`UPDATE ready SET lease_until = '2000-01-01 00:00:01' WHERE lease_token <> 0`);
  await cluster.startDispatcher();
  await eventually(() => cluster.idle());
  const again = entriesOf(sink.received.slice(before));
  expect(again.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(again.every(({ attempt }) => attempt === 2)).toBe(true);
  for (const id of ids) expect(await attemptsOf(id, 'killed')).toEqual(['lease-expired', null]);
});

it('gives back what waits for its batch when the dispatcher stops', async () => {
  const sink = await cluster.sink();
  await batched('waits', sink.url, { batch: { maxMessages: 100, maxWaitMs: 10_000 } });
  // The dispatcher learns the settings with the first.
  const dispatcher = cluster.processes.findLast(({ app }) => app === 'dispatcher')!;
  const id = await cluster.publish('c', 'x', { 'posthorn-header-x-n': 'waits' });
  await eventually(async () => (await cluster.delivery('c', id, 'waits')).status === 'in-flight');
  expect(await dispatcher.stop()).toBe(0);
  expect(sink.received).toEqual([]);
  expect(await cluster.delivery('c', id, 'waits')).toMatchObject({ status: 'queued', attempts: 0 });
});

it('shows the setting, and refuses it for a pull consumer', async () => {
  await batched('shown', 'http://127.0.0.1:9/', { batch: { maxMessages: 7 }, disabled: true });
  expect(await cluster.ok('GET', '/v1/channels/c/consumers/shown')).toMatchObject({ batch: { maxMessages: 7, maxWaitMs: 1000 } });
  const refused = await cluster.api<{ errors: { field: string }[] }>('PUT', '/v1/channels/c/consumers/p', {
    type: 'pull',
    batch: { maxMessages: 2 },
  });
  expect([refused.status, refused.body.errors.map(({ field }) => field)]).toEqual([400, ['batch']]);
});
