import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Database } from '@app/storage';
import { findServerBinary } from '../tools/steps/database.mjs';
import { serverUrl } from './support/database.js';

interface Results {
  satisfied: boolean;
  violations: { rule: string; text: string }[];
  counts: Record<'published' | 'acknowledged' | 'deliveries' | 'delivered' | 'lost' | 'unexpected' | 'arrivals', number>;
  duplicates: Record<string, number>;
  faults: { kind: string; target: string; cuts?: number }[];
}

const SEED = '5';
const MINUTES = '0.6';
const PROCESSES = { ingests: 2, dispatchers: 2, schedulers: 1 };

/** `npm test` sets it; a server that the tests were given is not killed. */
const dir = path.join(process.env['TEST_SERVERS_DIR'] ?? tmpdir(), `torture-${randomBytes(4).toString('hex')}`);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs the tool; resolves with its exit status and what it printed. */
function torture(args: string[], env: NodeJS.ProcessEnv): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ['tools/torture.mjs', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}

/** The program of the engine under test, when it is here: then the tool has a server of its own and may kill it. */
async function ownServer(): Promise<string | undefined> {
  const binary = process.env['TEST_MYSQLD'] ? findServerBinary() : undefined;
  const database = await Database.open({ url: `${serverUrl()}/information_schema`, poolSize: 4 });
  const [row] = await database.query<{ version: string }[]>('SELECT VERSION() AS version');
  await database.close();
  return binary && binary.mariadb === /mariadb/i.test(row!.version) ? binary.file : undefined;
}

it('everything that was acknowledged survives kills, freezes, cut connections and consumers that misbehave', async () => {
  const server = await ownServer();
  const json = path.join(dir, 'results.json');
  const counts = Object.entries(PROCESSES).flatMap(([name, count]) => [`--${name}`, String(count)]);
  const chosen = server ? ['--server', server] : [];
  const { DATABASE_URL: _, DATABASE_URL_FILE: __, ...inherited } = process.env;
  const env = server ? inherited : { ...inherited, DATABASE_URL: serverUrl() };
  const args = ['--minutes', MINUTES, '--seed', SEED, '--rate', '20', '--consumers', '101', '--dir', dir, '--json', json, '--no-build'];
  const { status, output } = await torture([...args, ...counts, ...chosen], env);
  if (status !== 0) throw new Error(`the torture ended with ${status}:\n${output}`);

  const results = JSON.parse(readFileSync(json, 'utf8')) as Results;
  expect(results).toMatchObject({ satisfied: true, violations: [], counts: { lost: 0, unexpected: 0 } });
  const { published, acknowledged, deliveries, delivered, arrivals } = results.counts;
  expect(acknowledged).toBeGreaterThan(100);
  expect(acknowledged).toBe(published);
  expect(delivered).toBe(deliveries);
  expect(arrivals).toBeGreaterThanOrEqual(delivered);
  expect(results.duplicates).not.toHaveProperty('unexplained');
  const done = (kind: string) => results.faults.filter((fault) => fault.kind === kind);
  for (const kind of ['kill', 'stop', 'freeze', 'stall connections']) expect(done(kind).length).toBeGreaterThan(0);
  for (const kind of ['cut before commit', 'cut after commit'])
    expect(done(kind).reduce((sum, { cuts = 0 }) => sum + cuts, 0)).toBeGreaterThan(0);
  expect(done('kill database').length > 0).toBe(server !== undefined);
}, 170_000);
