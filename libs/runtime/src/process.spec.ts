import { EventEmitter } from 'node:events';
import { ConfigError } from '@app/config';
import { createLog } from './log.js';
import { type Closeable, runProcess } from './process.js';

class FakeHost extends EventEmitter {
  text = '';
  readonly exits: number[] = [];
  readonly stderr = { write: (text: string) => (this.text += text) };
  readonly exited = new Promise<void>((resolve) => this.once('exited', resolve));

  exit(code: number): void {
    this.exits.push(code);
    this.emit('exited');
  }
}

const config = { logLevel: 'info', shutdownTimeoutMs: 50 } as const;

function run(start: () => Promise<Closeable>, readConfig: () => typeof config = () => config) {
  const host = new FakeHost();
  const lines: string[] = [];
  const log = createLog('test', 'info', { write: (line: string) => void lines.push(String(JSON.parse(line).msg)) });
  return { host, lines, running: runProcess({ name: 'ingest', env: {}, readConfig, start, host, log }) };
}

describe('runProcess', () => {
  it('names every problem of the configuration and exits with 78', async () => {
    const { host, running } = run(
      async () => ({ close: async () => undefined }),
      () => {
        throw new ConfigError(['PORT must be a number', 'HOST must be an address']);
      },
    );
    await running;
    expect(host.exits).toEqual([78]);
    expect(host.text).toBe('ingest cannot start:\n  PORT must be a number\n  HOST must be an address\n');
  });

  it.each(['SIGTERM', 'SIGINT'])('closes once on %s and exits with 0', async (signal) => {
    let closed = 0;
    const { host, lines, running } = run(async () => ({ close: async () => void closed++ }));
    await running;
    host.emit(signal);
    await host.exited;
    expect([closed, host.exits]).toEqual([1, [0]]);
    expect(lines).toEqual(['process.starting', 'process.started', 'process.stopping', 'process.stopped']);
  });

  it('waits for a start under way before it closes', async () => {
    const starting = new EventEmitter();
    let closed = 0;
    const { host } = run(() => new Promise<Closeable>((resolve) => starting.once('ready', resolve)));
    host.emit('SIGTERM');
    starting.emit('ready', { close: async () => void closed++ });
    await host.exited;
    expect([closed, host.exits]).toEqual([1, [0]]);
  });

  it('exits with 1 when closing hangs or fails', async () => {
    for (const close of [() => new Promise<void>(() => undefined), () => Promise.reject(new Error('x'))]) {
      const { host, running } = run(async () => ({ close }));
      await running;
      host.emit('SIGTERM');
      await host.exited;
      expect(host.exits).toEqual([1]);
    }
  });

  it('exits at once on the second signal', async () => {
    const { host, lines, running } = run(async () => ({ close: () => new Promise<void>(() => undefined) }));
    await running;
    host.emit('SIGTERM');
    host.emit('SIGINT');
    expect(host.exits).toEqual([1]);
    expect(lines.at(-1)).toBe('process.second-signal');
  });

  it.each(['uncaughtException', 'unhandledRejection'])('exits with 1 on %s', async (event) => {
    const { host, lines, running } = run(async () => ({ close: async () => undefined }));
    await running;
    host.emit(event, new Error('x'));
    host.emit(event, new Error('y'));
    expect(host.exits).toEqual([1]);
    expect(lines.filter((line) => line.startsWith('process.un'))).toHaveLength(1);
  });

  it('exits with 1 when it cannot start', async () => {
    const { host, lines, running } = run(() => Promise.reject(new Error('no database')));
    await running;
    expect([host.exits, lines.at(-1)]).toEqual([[1], 'process.not-started']);
  });
});
