import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Database } from '@app/storage';
import { serverUrl } from './support/database.js';

interface Figures {
  acknowledged: number;
  missing: number;
  left?: number;
  duplicates: number;
  acceptedPerSecond: number;
  deliveredPerSecond: number;
  arrivalP99Ms: number;
  cpuSeconds: Record<string, number>;
  database: { statements: number; statementsPerMessage: number };
  others: { waiting: number; attempted: number };
}

/** Two whole Posthorns are started and ended, on a machine that may have much else to do. */
const patienceMs = 180_000;

const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-bench-'));
const file = path.join(folder, 'results.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm run bench` with these options and what is in dist/; resolves with its exit status and what it wrote. */
async function bench(...options: string[]): Promise<{ status: number | null; output: string; results: string }> {
  rmSync(file, { force: true });
  const child = spawn(process.execPath, ['tools/bench.mjs', '--json', file, '--runs', '1', '--warm-up', '1', ...options], {
    env: { PATH: process.env['PATH'], DATABASE_URL: serverUrl() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  try {
    return { status: child.exitCode, output, results: readFileSync(file, 'utf8') };
  } catch {
    throw new Error(`the benchmark wrote no results:\n${output}`);
  }
}

it(
  'measures a whole Posthorn, finds every delivery and leaves no database behind',
  async () => {
    const oneCase = ['--only', 'throughput', '--fan-out', '2', '--payload', '512', '--dispatchers', '2'];
    const { status, output, results } = await bench('--no-build', ...oneCase, '--seconds', '1');
    const { cases } = JSON.parse(results) as { cases: { runs: Figures[] }[] };
    const [run] = cases[0]!.runs;
    expect(run).toMatchObject({ missing: 0, left: 0, duplicates: 0 });
    for (const name of ['acknowledged', 'acceptedPerSecond', 'deliveredPerSecond'] as const) expect(run![name]).toBeGreaterThan(0);
    expect(run!.database.statements).toBeGreaterThan(0);
    expect(Object.keys(run!.cpuSeconds)).toEqual(
      expect.arrayContaining(['ingest-api', 'dispatcher', 'failsafe-scheduler', 'load generator', 'sink', 'others']),
    );
    expect([status, output]).toEqual([0, expect.stringContaining('0 deliveries missing, 0 rows left in the hot tables')]);
    expect(output).toMatch(/1 measurement, about \d+ s; at most \d+ min/);

    const database = await Database.open({ url: `${serverUrl()}/mysql`, poolSize: 4 });
    const names = await database.query<{ name: string }[]>(String.raw`SHOW DATABASES LIKE 'posthorn\_bench\_%'`);
    await database.close();
    const [, name] = /"name": "(posthorn_bench_\w+)"/.exec(results) ?? [];
    expect(names.map((row) => Object.values(row)[0])).not.toContain(name);
  },
  patienceMs,
);

it(
  'has neighbours that are as sick as it says',
  async () => {
    const options = ['--healthy', '12', '--slow', '2', '--backlog', '300', '--rate', '20', '--seconds', '2'];
    const { status, results } = await bench('--no-build', '--scenario', 'neighbours', ...options);
    const { neighbours } = JSON.parse(results) as {
      neighbours: { without: { runs: Figures[] }; with: { runs: Figures[] }; ratioP99: number };
    };
    const [without, beside] = [neighbours.without.runs[0]!, neighbours.with.runs[0]!];
    for (const run of [without, beside]) expect(run).toMatchObject({ missing: 0, left: 0 });
    expect([without.others.waiting, without.others.attempted > 0]).toEqual([0, true]);
    // Of each of the two, 64 deliveries are in flight for ten seconds: hardly anything of the backlog goes in three.
    expect(beside.others.waiting).toBeGreaterThan(200);
    expect(beside.others.attempted).toBeGreaterThan(0);
    expect(neighbours.ratioP99).toBeCloseTo(beside.arrivalP99Ms / without.arrivalP99Ms);
    expect(status).toBe(0);
  },
  patienceMs,
);

it(
  'takes turns with a bare loop, which loses nothing either',
  async () => {
    const options = ['--scenario', 'bare', '--no-build', '--only', 'throughput', '--fan-out', '2', '--connections', '8'];
    const { status, results } = await bench(...options, '--seconds', '1');
    const { comparisons } = JSON.parse(results) as {
      comparisons: { bare: { runs: Figures[] }; posthorn: { runs: Figures[] }; ratios: Record<string, number> }[];
    };
    const [bare, posthorn] = [comparisons[0]!.bare.runs[0]!, comparisons[0]!.posthorn.runs[0]!];
    for (const run of [bare, posthorn]) {
      expect(run).toMatchObject({ missing: 0, left: 0, duplicates: 0 });
      expect(run.acknowledged).toBeGreaterThan(0);
    }
    expect(comparisons[0]!.ratios['acceptedPerSecond']).toBeCloseTo(posthorn.acceptedPerSecond / bare.acceptedPerSecond);
    expect(status).toBe(0);
  },
  patienceMs,
);

it(
  'loads any broker, and fails when that loses a message',
  async () => {
    let count = 0;
    let sink = '';
    const broker = createServer((incoming, answer) => {
      const body: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => body.push(chunk));
      incoming.on('end', () => {
        answer.writeHead(202).end();
        count += 1;
        if (count === 5) return;
        request(sink, { method: 'POST' }, (response) => response.resume()).end(Buffer.concat(body));
      });
    }).listen(0, '127.0.0.1');
    await once(broker, 'listening');
    const { port } = broker.address() as AddressInfo;
    const sinkPort = await freePort();
    sink = `http://127.0.0.1:${sinkPort}/any/path`;
    const target = [
      '--target',
      `http://127.0.0.1:${port}/in`,
      '--header',
      'X-Key: secret',
      '--body',
      '{"m":{payload}}',
      '--sink-port',
      String(sinkPort),
    ];
    const { status, output, results } = await bench(
      ...target,
      '--only',
      'latency',
      '--rate',
      '50',
      '--seconds',
      '1',
      '--drain-seconds',
      '2',
    );
    broker.close();
    const { cases } = JSON.parse(results) as { cases: { runs: Figures[] }[] };
    expect(cases[0]!.runs[0]).toMatchObject({ acknowledged: count, missing: 1 });
    expect([status, output]).toEqual([1, expect.stringContaining('1 deliveries missing')]);
    expect(results).not.toContain('secret');
  },
  patienceMs,
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
