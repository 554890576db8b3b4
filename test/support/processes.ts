import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.js';

export type App = 'ingest-api' | 'dispatcher' | 'failsafe-scheduler';
export type Line = Record<string, unknown> & { msg?: string };

const STARTED_MS = 30_000;

/** One real process of Posthorn, from `dist/`, on free ports. */
export class AppProcess {
  readonly lines: Line[] = [];
  private readonly text: string[] = [];
  private readonly closed: Promise<unknown>;

  private constructor(
    readonly app: App,
    readonly child: ChildProcess,
  ) {
    // Not `exit`, which may come before the last lines are read.
    this.closed = once(child, 'close');
    createInterface({ input: child.stdout! }).on('line', (line) => {
      try {
        this.lines.push(JSON.parse(line) as Line);
      } catch {
        this.text.push(line);
      }
    });
    createInterface({ input: child.stderr! }).on('line', (line) => this.text.push(line));
  }

  /** Starts and waits until it is ready. Rejects with its output when it exits instead. */
  static async start(app: App, env: Record<string, string>): Promise<AppProcess> {
    const started = AppProcess.spawn(app, env);
    try {
      await started.ready();
    } catch (error) {
      await started.kill();
      throw error;
    }
    return started;
  }

  static spawn(app: App, env: Record<string, string>): AppProcess {
    const main = path.resolve(`dist/apps/${app}/src/main.js`);
    if (!existsSync(main)) throw new Error(`${main} is missing; run "npm run build"`);
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      env: { PATH: process.env['PATH'], OPS_PORT: '0', OPS_HOST: '127.0.0.1', PORT: '0', HOST: '127.0.0.1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(app, child);
  }

  async ready(): Promise<void> {
    const until = performance.now() + STARTED_MS;
    while (!this.lines.some((line) => line.msg === 'process.started')) {
      if (this.exited) throw new Error(`${this.app} exited with ${this.child.exitCode}:\n${this.output}`);
      if (performance.now() > until) throw new Error(`${this.app} did not start:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits until it answers probes, which it does before it is ready. */
  async listening(): Promise<void> {
    await eventually(() => {
      if (this.exited) throw new Error(`${this.app} exited with ${this.child.exitCode}:\n${this.output}`);
      return this.lines.some((line) => line.msg === 'ops.listening');
    }, STARTED_MS);
  }

  /** Resolves with the exit code when it ends by itself. */
  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get output(): string {
    return [...this.text, ...this.lines.map((line) => JSON.stringify(line))].join('\n');
  }

  /** A field of the first line with this message. */
  field(msg: string, name: string): string | number {
    const line = this.lines.find((one) => one.msg === msg);
    if (!line) throw new Error(`${this.app} has not logged ${msg}:\n${this.output}`);
    return line[name] as string | number;
  }

  get opsUrl(): string {
    return `http://127.0.0.1:${this.field('ops.listening', 'port')}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.exited) this.child.kill(signal);
    return this.ended();
  }
}
