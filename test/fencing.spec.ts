import { Cluster } from './support/cluster.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { expectAllDelivered } from './support/outcome.js';

let cluster: Cluster;
let proxy: DatabaseProxy;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 0 }, { DELIVERY_TIMEOUT_MS: '1000', SETTLE_TIME_MS: '1000', DATABASE_POOL: '6' });
  proxy = await DatabaseProxy.open(cluster.test.url);
});
afterAll(async () => {
  await cluster.stop();
  await proxy.close();
});

it('refuses the late results of a dispatcher that was frozen past its leases, and it posts nothing that it does not own any more', async () => {
  // Attempt 1 is answered with an error, but only once its dispatcher is frozen.
  let frozen = (): void => undefined;
  const thaw = new Promise<void>((resolve) => (frozen = resolve));
  const posting = await cluster.sink(async ({ headers }, response) => {
    if (headers['posthorn-attempt'] === '1') await thaw;
    response.writeHead(headers['posthorn-attempt'] === '1' ? 500 : 200).end();
  });
  const waiting = await cluster.sink();
  for (const [channel, sink] of [['posting', posting] as const, ['waiting', waiting] as const]) {
    await cluster.channel(channel);
    await cluster.consumer(channel, 'c', sink.url);
  }
  const first = await cluster.startDispatcher({ DATABASE_URL: proxy.url });

  // One delivery is in its POST; another one is claimed and its payload is on the way.
  const loading = proxy.catchAnswer((sql) => sql.includes('payload FROM message') && posting.ids.length === 1);
  const posted = await cluster.publish('posting', 'x');
  await eventually(() => posting.ids.length === 1);
  const claimed = await cluster.publish('waiting', 'y');
  const payload = await loading;
  first.signal('SIGSTOP');
  frozen();
  payload.pass();

  const second = await cluster.startDispatcher({ DELIVERY_TIMEOUT_MS: '15000' });
  await expectAllDelivered(cluster, 'posting', [posted], [posting]);
  await expectAllDelivered(cluster, 'waiting', [claimed], [waiting]);

  first.signal('SIGCONT');
  await eventually(async () => (await metric(first, 'posthorn_fenced_total')) === 1);
  await eventually(async () => (await metric(first, 'posthorn_in_flight')) === 0);
  for (const [channel, id] of [['posting', posted] as const, ['waiting', claimed] as const]) {
    const delivery = await cluster.delivery(channel, id, 'c');
    expect([delivery.status, delivery.attempts]).toEqual(['delivered', 2]);
    expect(delivery.attemptLog.toSorted((a, b) => a.number - b.number).map((one) => [one.number, one.errorClass, one.httpCode])).toEqual([
      [1, 'lease-expired', null],
      [2, null, 200],
    ]);
  }
  expect(posting.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1', '2']);
  expect(waiting.received.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['2']);
  expect(await cluster.idle()).toBe(true);

  // It is whole again: alone, it delivers.
  expect(await second.stop()).toBe(0);
  const next = await cluster.publish('waiting', 'z');
  await expectAllDelivered(cluster, 'waiting', [claimed, next], [waiting]);
});
