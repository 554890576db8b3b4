import { Clock } from './support/clock.js';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import { metric } from './support/metrics.js';
import { expectAllDelivered } from './support/outcome.js';
import { Producers } from './support/producers.js';

const HOUR_MS = 3_600_000;

let clock: Clock;
let cluster: Cluster;
beforeEach(async () => {
  clock = Clock.create();
  cluster = await Cluster.start({ dispatchers: 1, schedulers: 1 }, { DATABASE_POOL: '6', ...clock.env });
});
afterEach(async () => {
  await cluster.stop();
  clock.remove();
});

it.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])(
  'the clock of all processes goes %s an hour under load: each message is delivered once, and retries come when they are due',
  async (way, stepMs) => {
    let failures = 0;
    const sinks = [
      await cluster.sink(),
      await cluster.sink((_received, response) => void response.writeHead(++failures === 1 ? 500 : 200).end()),
    ];
    await cluster.channel('load');
    for (const [n, sink] of sinks.entries()) await cluster.consumer('load', `c${n}`, sink.url, { retry: { delays: [0.5, 0.5] } });
    const producers = new Producers({ url: cluster.url, channel: 'load', key: ADMIN_KEY });
    await producers.reached(100);
    clock.advance(stepMs);
    await producers.reached(producers.ids.length + 200);
    await producers.stop();
    expect(producers.refusals.filter(({ status, code }) => status !== 503 || code !== 'database-unavailable')).toEqual([]);
    if (way === 'back') expect(producers.refusals).toEqual([]);
    await expectAllDelivered(cluster, 'load', producers.ids, sinks);
    expect(sinks[0]!.ids).toHaveLength(producers.ids.length);
    for (const one of cluster.processes) {
      await eventually(async () => Math.abs((await metric(one, 'posthorn_clock_skew_seconds')) - stepMs / 1000) < 5);
      await eventually(() => one.lines.some(({ msg }) => msg === 'clock.skewed'));
      expect(one.lines.filter(({ msg }) => msg === 'clock.skewed')).toHaveLength(1);
    }
  },
);
