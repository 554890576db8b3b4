import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  dispatcherSettings,
  ingestSettings,
  readDispatcherConfig,
  readIngestConfig,
  readSchedulerConfig,
  schedulerSettings,
} from './processes.js';
import { ConfigError, type Environment, type Setting } from './read-config.js';

const env = { DATABASE_URL: 'mysql://u:p@localhost:3306/posthorn', POSTHORN_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') };

const bytes = (text: string): string =>
  String(Number(text.split(' ')[0]) * (text.endsWith('MiB') ? 2 ** 20 : text.endsWith('GiB') ? 2 ** 30 : 1));

function problemsOf(read: (given: Environment) => unknown, given: Environment): readonly string[] {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('reading', () => {
  it('fills in defaults', () => {
    expect(readIngestConfig(env)).toMatchObject({
      databaseUrl: env.DATABASE_URL,
      port: 8080,
      opsPort: 9090,
      allowedTargets: [],
      adminKey: undefined,
    });
    expect(readDispatcherConfig(env)).toMatchObject({
      opsPort: 9091,
      deliveryTimeoutMs: 15_000,
      allowHttpTargets: false,
      nudgeHost: '127.0.0.1',
    });
    expect(readSchedulerConfig({ ...env, OPS_PORT: '' })).toMatchObject({ opsPort: 9092, logLevel: 'info' });
  });

  it('reads what is set', () => {
    const given = { ...env, PORT: '0', ALLOWED_TARGETS: '10.0.0.0/8', ALLOW_HTTP_TARGETS: 'true', NUDGE_HOST: 'auto', HOST: '::' };
    const config = readIngestConfig({ ...given, POSTHORN_ADMIN_KEY: 'k'.repeat(24) });
    expect(config).toMatchObject({ port: 0, allowHttpTargets: true, nudgeHost: 'auto', host: '::', adminKey: 'k'.repeat(24) });
    expect(config.allowedTargets).toHaveLength(1);
    expect(config.keyRing.open(config.keyRing.seal('x', 'c'), 'c')).toBe('x');
  });

  it.each(['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:5353', '192.0.2.1, [::1]'])('takes %j for name servers', (text) => {
    expect(readDispatcherConfig({ ...env, DNS_SERVERS: text }).dnsServers).toEqual(text.split(', '));
  });

  it.each(['dns.example.com', '192.0.2.1:0', '192.0.2.1:65536', '192.0.2.1:x', '[192.0.2.1]:53', '::1:', '192.0.2.1,', '192.0.2'])(
    'does not take %j for name servers',
    (text) => {
      expect(problemsOf(readDispatcherConfig, { ...env, DNS_SERVERS: text })).toHaveLength(1);
    },
  );

  it('names every problem at once, with its limit', () => {
    const wrong = {
      PORT: '65536',
      LOG_LEVEL: 'loud',
      HOST: 'example',
      ALLOWED_TARGETS: '10/8',
      ALLOW_HTTP_TARGETS: 'yes',
      ACCEPT_BATCH: '1.5',
    };
    const problems = problemsOf(readIngestConfig, wrong);
    expect(new Set(problems.map((problem) => problem.split(' ')[0]))).toEqual(new Set([...Object.keys(env), ...Object.keys(wrong)]));
    expect(problems).toContain('PORT must be a whole number from 0 to 65535, not "65536"');
    expect(problems).toContain('LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, not "loud"');
  });

  it.each(['-1', '0x10', '1e3', ' 1', 'NaN', '9'.repeat(20)])('does not take %j for a port', (text) => {
    expect(problemsOf(readIngestConfig, { ...env, PORT: text })).toHaveLength(1);
  });

  it.each(['http://u:p@h/d', 'mysql://u:p@h', 'mysql://u:p@h/', 'mysql://h/d', 'mysql://u:p@h/a/b', 'x', 'mysql://u:p@h/d?ssl=1'])(
    'does not take %j for a database',
    (url) => {
      expect(problemsOf(readSchedulerConfig, { ...env, DATABASE_URL: url })).toHaveLength(1);
    },
  );

  it('never repeats a secret', () => {
    const given = { DATABASE_URL: 'postgres://u:hunter2@h/d', POSTHORN_SECRET_KEY: 'hunter2', POSTHORN_ADMIN_KEY: 'hunter2' };
    const problems = problemsOf(readIngestConfig, given);
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('secrets in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('come without the last line end', () => {
    const file = join(folder, 'url');
    writeFileSync(file, `${env.DATABASE_URL}\n`);
    expect(readSchedulerConfig({ ...env, DATABASE_URL: undefined, DATABASE_URL_FILE: file }).databaseUrl).toBe(env.DATABASE_URL);
    expect(problemsOf(readSchedulerConfig, { ...env, DATABASE_URL_FILE: file })).toEqual([
      'DATABASE_URL and DATABASE_URL_FILE must not both be set',
    ]);
  });

  it('must be readable', () => {
    const problems = problemsOf(readSchedulerConfig, { ...env, POSTHORN_SECRET_KEY: '', POSTHORN_SECRET_KEY_FILE: join(folder, 'none') });
    expect(problems).toEqual(['POSTHORN_SECRET_KEY_FILE must be the path of a readable file (ENOENT)']);
  });
});

describe('docs/configuration.md', () => {
  type Row = { name: string; readBy: string; fallback: string; limits: string; meaning: string };
  const table = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = [...table.matchAll(/^\| `([A-Z0-9_]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|/gm)].map((match): Row => {
    const [name = '', readBy = '', fallback = '', limits = '', meaning = ''] = match
      .slice(1)
      .map((cell) => cell.trim().replaceAll('`', ''));
    return { name, readBy, fallback, limits, meaning };
  });
  const processes: [string, Setting<unknown>[]][] = [
    ['ingest', Object.values(ingestSettings)],
    ['dispatcher', Object.values(dispatcherSettings)],
    ['scheduler', Object.values(schedulerSettings)],
  ];

  it.each(processes)('names what the %s process reads, and nothing else', (process, settings) => {
    const documented = rows.filter(({ readBy }) => readBy === 'all' || readBy.split(', ').includes(process));
    expect(settings.map(({ name }) => name).toSorted()).toEqual(documented.map(({ name }) => name).toSorted());
  });

  it.each(processes)('gives the defaults, files and limits of the %s process', (process, settings) => {
    for (const { name, fallback, absent, secret, limit } of settings) {
      const row = rows.find((candidate) => candidate.name === name);
      const ofProcess = new RegExp(`${process} (\\d+)`).exec(row?.fallback ?? '')?.[1];
      expect([name, fallback ?? (absent ? 'none' : 'required')]).toEqual([name, ofProcess ?? row?.fallback]);
      expect([name, secret]).toEqual([name, row?.meaning.includes('_FILE')]);
      const range = /^a whole number from (\d+) to (\d+)$/.exec(limit);
      if (range) expect([name, range.slice(1)]).toEqual([name, row?.limits.split('–').map(bytes)]);
      if (limit.startsWith('one of ')) expect(limit).toBe(`one of ${row?.limits}`);
    }
  });
});
