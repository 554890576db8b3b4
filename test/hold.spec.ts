import { Cluster } from './support/cluster.js';
import { eventually, meanwhile } from './support/eventually.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ dispatchers: 2 });
});
afterAll(() => cluster.stop());

it('holds the deliveries of a paused consumer and drains them on resume, while others go on', async () => {
  const [held, other] = [await cluster.sink(), await cluster.sink()];
  await cluster.channel('paused');
  await cluster.consumer('paused', 'held', held.url);
  await cluster.consumer('paused', 'other', other.url);
  await cluster.publish('paused', 'before');
  await eventually(() => held.received.length === 1);
  await cluster.ok('POST', '/v1/channels/paused/consumers/held/pause');
  const ids = await Promise.all(Array.from({ length: 100 }, (_, n) => cluster.publish('paused', `held ${n}`)));
  await eventually(() => other.received.length === 101);
  await meanwhile(500);
  expect(held.received).toHaveLength(1);
  expect((await cluster.delivery('paused', ids[0]!, 'held')).status).toBe('queued');
  await cluster.ok('POST', '/v1/channels/paused/consumers/held/resume');
  await eventually(() => held.received.length === 101);
  await eventually(() => cluster.idle());
  expect(new Set(held.ids).size).toBe(101);
});

it('holds the deliveries of a disabled consumer', async () => {
  const sink = await cluster.sink();
  await cluster.channel('disabled');
  await cluster.consumer('disabled', 'c', sink.url, { disabled: true });
  const id = await cluster.publish('disabled', 'x');
  await meanwhile(700);
  expect(sink.received).toHaveLength(0);
  await cluster.consumer('disabled', 'c', sink.url, { disabled: false });
  await eventually(() => sink.ids.includes(id));
});

it('uses new settings of a consumer from the next delivery on', async () => {
  const [old, fresh] = [await cluster.sink(), await cluster.sink()];
  await cluster.channel('moved');
  await cluster.consumer('moved', 'c', old.url);
  await cluster.publish('moved', 'x');
  await eventually(() => old.received.length === 1);
  await cluster.consumer('moved', 'c', fresh.url);
  await cluster.publish('moved', 'y');
  await eventually(() => fresh.received.length === 1);
  expect(old.received).toHaveLength(1);
});
