import { createLog } from './log.js';
import { createDispatcherMetrics, createIngestMetrics, createRegistry, createSchedulerMetrics } from './metrics.js';
import { type OpsServer, startOpsServer } from './ops-server.js';

const log = createLog('test', 'fatal', { write: () => undefined });
const registry = createRegistry();
const problems: string[] = [];
let database: () => Promise<void> = async () => undefined;
let server: OpsServer;

const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);

beforeAll(async () => {
  const ready = () => [{ name: 'database', check: () => database() }];
  server = await startOpsServer({ host: '127.0.0.1', port: 0, registry, live: () => problems, ready, log });
});
afterAll(() => server.close());

it('is alive while the loops are', async () => {
  const alive = await get('/health/live');
  expect([alive.status, await alive.json()]).toMatchObject([200, { status: 'ok', details: { loops: { status: 'up' } } }]);
  problems.push('claim stands still');
  const dead = await get('/health/live');
  expect([dead.status, await dead.json()]).toMatchObject([
    503,
    { status: 'error', error: { loops: { problems: ['claim stands still'] } } },
  ]);
  problems.length = 0;
});

it('is ready while its checks pass, whatever that means for being alive', async () => {
  const ready = await get('/health/ready');
  expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'ok', info: { database: { status: 'up' } } }]);
  database = () => Promise.reject(new Error('gone'));
  const unready = await get('/health/ready');
  expect([unready.status, await unready.json()]).toMatchObject([503, { status: 'error', error: { database: { status: 'down' } } }]);
  expect((await get('/health/live')).status).toBe(200);
});

it('answers within two seconds though a check hangs', async () => {
  database = () => new Promise(() => undefined);
  const begun = performance.now();
  expect((await get('/health/ready')).status).toBe(503);
  expect(performance.now() - begun).toBeLessThan(4000);
});

it('shows its metrics, and nothing else', async () => {
  const metrics = createIngestMetrics(registry);
  metrics.accepted.inc({ result: 'stored' }, 3);
  metrics.transactionRetries.inc({ transaction: 'accept', code: 'ER_LOCK_DEADLOCK' });
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await response.text();
  expect(text).toContain('posthorn_accepted_total{result="stored"} 3');
  expect(text).toContain('process_cpu_seconds_total');
  for (const path of ['/', '/health', '/docs']) expect((await get(path)).status).toBe(404);
});

it('has a registry of its own for each process', () => {
  expect(Object.keys(createDispatcherMetrics(createRegistry()))).toContain('attempts');
  expect(Object.keys(createSchedulerMetrics(createRegistry()))).toContain('leader');
});

it('rejects when the port is taken', async () => {
  const again = startOpsServer({ host: '127.0.0.1', port: server.port, registry, live: () => [], ready: () => [], log });
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
