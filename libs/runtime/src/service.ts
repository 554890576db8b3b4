import type { Registry } from 'prom-client';
import type { Log } from './log.js';
import { demandNone, type ReadyCheck } from './ops-controller.js';
import { startOpsServer } from './ops-server.js';
import { patiently } from './patience.js';
import type { Closeable } from './process.js';

/** A process that works. */
export type Service = Closeable & {
  /** What is wrong inside it, such as loops that stand still. */
  readonly live: () => readonly string[];
  /** What it cannot do without, besides being alive. */
  readonly ready: readonly ReadyCheck[];
};

export type ServiceOptions = {
  readonly config: { readonly opsHost: string; readonly opsPort: number };
  readonly registry: Registry;
  readonly log: Log;
  /** Fires when the process is told to stop. */
  readonly signal: AbortSignal;
};

/** What a service can use while it begins. */
export type Beginning = {
  readonly opsPort: number;
  /** Repeats an attempt for as long as waiting `mayHeal` what it meets; meanwhile the process is alive and not ready, and says why. */
  readonly patiently: <T>(what: string, attempt: () => Promise<T>, mayHeal: (error: unknown) => boolean) => Promise<T>;
};

/**
 * Opens the operations port and then begins the service, so that a process can be asked what it waits for. Rejects when the service cannot begin or
 * `signal` fires while it waits.
 */
export async function startService(options: ServiceOptions, begin: (beginning: Beginning) => Promise<Service>): Promise<Closeable> {
  const { config, registry, log, signal } = options;
  let service: Service | undefined;
  let reason = 'starting';
  const starting: ReadyCheck = { name: 'start', check: () => Promise.reject(new Error(reason)) };
  const ready = (): readonly ReadyCheck[] =>
    service ? [...service.ready, { name: 'loops', check: async () => demandNone(service?.live() ?? []) }] : [starting];
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    registry,
    log,
    live: () => service?.live() ?? [],
    ready,
  });
  log.info({ port: ops.port }, 'ops.listening');
  try {
    service = await begin({
      opsPort: ops.port,
      patiently: (what, attempt, mayHeal) => patiently(what, attempt, { log, signal, mayHeal, tell: (told) => (reason = told) }),
    });
  } catch (error) {
    await ops.close();
    throw error;
  }
  const begun = service;
  return {
    close: async () => {
      await begun.close();
      await ops.close();
    },
  };
}
