import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { examplesOf, run } from './support/examples.js';
import { eventually } from './support/eventually.js';

const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];
const withExamples = pages.map((page) => [page, examplesOf(page)] as const).filter(([, blocks]) => blocks.length > 0);

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  cluster = await Cluster.start({ schedulers: 1 });
  folder = mkdtempSync(path.join(tmpdir(), 'posthorn-examples-'));
  for (const [to, from] of Object.entries({ 'client.pem': 'client.pem', 'client.key': 'client.key', 'bank-root.pem': 'ca.pem' }))
    copyFileSync(`test/support/certificates/${from}`, path.join(folder, to));
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a reader has by the time that a page says `orders` and `billing`. */
async function quickStart(): Promise<Record<string, string>> {
  const sink = await cluster.sink();
  for (const channel of ['demo', 'orders']) await cluster.channel(channel);
  const consumers = '/v1/channels/orders/consumers';
  for (const name of ['billing', 'worker']) await cluster.api('DELETE', `${consumers}/${name}?force=true`);
  await cluster.ok('PUT', `${consumers}/billing`, { url: sink.url });
  await cluster.ok('PUT', `${consumers}/worker`, { type: 'pull' });
  const id = await cluster.publish('orders', '{"order":1}', { 'content-type': 'application/json' });
  await eventually(() => sink.ids.includes(id));
  const { leases } = await cluster.ok<{ leases: { receipt: string }[] }>('POST', `${consumers}/worker/leases`, {});
  const job = (await cluster.ok<{ id: string }>('POST', `${consumers}/billing/replay`, { ratePerSecond: 1 })).id;
  return { receipt: leases[0]!.receipt, id, 'message id': id, message: id, job };
}

it('has examples on the pages that people begin with', () => {
  expect(withExamples.map(([page]) => page)).toEqual(
    expect.arrayContaining(['README.md', 'docs/pull.md', 'docs/security.md', 'docs/operations.md']),
  );
});

it.each(withExamples)('every example of %s works as it is printed', async (_page, blocks) => {
  const given = await quickStart();
  // Whoever waits for a message gets one.
  const traffic = setInterval(() => void cluster.api('POST', '/v1/channels/orders/messages', '{"order":2}').catch(() => undefined), 500);
  try {
    const { calls, exit, output } = await run(blocks, { url: cluster.url, key: ADMIN_KEY, given, folder });
    expect(calls.filter(({ status }) => status < 200 || status >= 300)).toEqual([]);
    expect([exit, exit === 0 ? '' : output]).toEqual([0, '']);
    expect(calls.length).toBeGreaterThan(0);
  } finally {
    clearInterval(traffic);
  }
});
