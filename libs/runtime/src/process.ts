import { ConfigError, type Environment, type LogLevel } from '@app/config';
import { type Log, createLog } from './log.js';

export type Closeable = { close(): Promise<void> };

export type ProcessOptions<Config extends { readonly logLevel: LogLevel; readonly shutdownTimeoutMs: number }> = {
  readonly name: string;
  readonly env: Environment;
  /** Throws ConfigError with every problem. */
  readonly readConfig: (env: Environment) => Config;
  /** Resolves when the process serves; rejects when it cannot, and may reject when `signal` fires: then the process was told to stop meanwhile. */
  readonly start: (config: Config, log: Log, signal: AbortSignal) => Promise<Closeable>;
  readonly host?: Host;
  readonly log?: Log;
};

/** The part of `process` that this needs. */
export type Host = {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
};

/** EX_CONFIG of sysexits.h. */
const EXIT_CONFIG = 78;

/**
 * Runs one process from its environment to its exit: 78 when the configuration is wrong (each problem on stderr), 1 when it cannot start,
 * fails, or does not close within `shutdownTimeoutMs`, 0 after SIGTERM or SIGINT, during the start too. A second signal exits at once with 1.
 */
export async function runProcess<Config extends { readonly logLevel: LogLevel; readonly shutdownTimeoutMs: number }>(
  options: ProcessOptions<Config>,
): Promise<void> {
  const { name, env, host = process } = options;
  const config = configOf(options, host);
  if (config === undefined) return;
  const log = options.log ?? createLog(name, config.logLevel);
  const life = new Life(host, log, config.shutdownTimeoutMs);
  life.watch();
  log.info({ node: process.version, timeZone: env.TZ }, 'process.starting');
  await life.begin((signal) => options.start(config, log, signal));
}

function configOf<Config extends { readonly logLevel: LogLevel; readonly shutdownTimeoutMs: number }>(
  { name, env, readConfig }: ProcessOptions<Config>,
  host: Host,
): Config | undefined {
  try {
    return readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.stderr.write(`${name} cannot start:\n${error.problems.map((problem) => `  ${problem}\n`).join('')}`);
    host.exit(EXIT_CONFIG);
    return undefined;
  }
}

class Life {
  private started: Promise<Closeable> | undefined;
  private readonly stopping = new AbortController();
  private over = false;

  constructor(
    private readonly host: Host,
    private readonly log: Log,
    private readonly shutdownTimeoutMs: number,
  ) {}

  watch(): void {
    for (const signal of ['SIGTERM', 'SIGINT']) this.host.on(signal, () => void this.stop(signal));
    this.host.on('uncaughtException', (error) => this.fail(error, 'process.uncaught'));
    this.host.on('unhandledRejection', (error) => this.fail(error, 'process.unhandled'));
  }

  async begin(start: (signal: AbortSignal) => Promise<Closeable>): Promise<void> {
    try {
      this.started = start(this.stopping.signal);
      await this.started;
      if (!this.over) this.log.info('process.started');
    } catch (error) {
      if (!this.stopping.signal.aborted) this.fail(error, 'process.not-started');
    }
  }

  private async stop(signal: string): Promise<void> {
    if (this.stopping.signal.aborted) {
      this.log.warn({ signal }, 'process.second-signal');
      this.exit(1);
      return;
    }
    this.log.info({ signal }, 'process.stopping');
    this.stopping.abort();
    const timer = setTimeout(
      () => this.fail(new Error(`not closed in ${this.shutdownTimeoutMs} ms`), 'process.stop-timeout'),
      this.shutdownTimeoutMs,
    );
    try {
      // A start that ends without having started has nothing to close.
      const running = await this.started?.catch(() => undefined);
      await running?.close();
      if (!this.over) this.log.info('process.stopped');
      this.exit(0);
    } catch (error) {
      this.fail(error, 'process.not-closed');
    } finally {
      clearTimeout(timer);
    }
  }

  private fail(error: unknown, event: string): void {
    if (!this.over) this.log.fatal({ err: error }, event);
    this.exit(1);
  }

  /** Buffered log lines are written by the exit hook of the log. */
  private exit(code: number): void {
    if (this.over) return;
    this.over = true;
    this.host.exit(code);
  }
}
