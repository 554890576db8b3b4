import { Pool } from 'undici';
import type { ClientTls } from '@app/domain';
import type { Target } from '../lanes/targets.js';
import { type Guard, guardedConnect } from './guarded-connect.js';
import { Negotiated } from './negotiated.js';
import { TimedClient } from './timed-client.js';

/** Idle connections are closed after this unless the consumer's Keep-Alive header asks for less; many servers close theirs after 5 s. */
const KEEP_ALIVE_MS = 4_000;
const MAX_POOLS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** As far as one attempt needs it: undici's, or ours that speaks HTTP/2 as well. */
export type Connections = Pick<Negotiated, 'dispatch' | 'close' | 'destroy'>;

interface Entry<Own> {
  connections: Own;
  version: string;
  /** By `performance.now()`. */
  usedAt: number;
}

type Kept = { close(): Promise<void>; destroy(): Promise<void> };

/**
 * Kept connections, some for each consumer and some for its token endpoint: never shared between consumers, and replaced when the consumer's settings
 * change, its credentials among them.
 */
export class Pools {
  private readonly targets = new Map<number, Entry<Connections>>();
  private readonly tokens = new Map<number, Entry<Pool>>();

  /** With `http2` it is offered to consumers by https. */
  constructor(
    private readonly guard: Guard,
    private readonly maxTimeoutMs: number,
    private readonly http2 = false,
  ) {}

  for(target: Target, url: URL): Connections {
    return take(this.targets, target, () => {
      if (!this.http2 || url.protocol !== 'https:') return this.pool(target, url, target.maxInFlight, target.tls);
      const connectWithinMs = this.connectWithinMs(target);
      return new Negotiated(url, {
        connections: target.maxInFlight,
        offer: guardedConnect(this.guard, connectWithinMs, target.tls, true),
        connect: guardedConnect(this.guard, connectWithinMs, target.tls),
        pool: POOL,
        settingsWithinMs: connectWithinMs,
      });
    });
  }

  /** The consumer's certificates are for the consumer alone. */
  forTokens(target: Target, url: URL): Pool {
    return take(this.tokens, target, () => this.pool(target, url, 1, undefined));
  }

  async close(): Promise<void> {
    const entries = [...this.targets.values(), ...this.tokens.values()];
    await Promise.all(entries.map(({ connections }) => connections.destroy()));
    this.targets.clear();
    this.tokens.clear();
  }

  private connectWithinMs(target: Target): number {
    return Math.max(target.timeoutMs, this.maxTimeoutMs);
  }

  private pool(target: Target, url: URL, connections: number, tls: ClientTls | undefined): Pool {
    const connect = guardedConnect(this.guard, this.connectWithinMs(target), tls);
    return new Pool(url.origin, { ...POOL, connections, factory: (origin, options) => new TimedClient(origin, options, connect) });
  }
}

const POOL: Pool.Options = {
  pipelining: 1,
  keepAliveTimeout: KEEP_ALIVE_MS,
  keepAliveMaxTimeout: 60_000,
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: MAX_HEADER_BYTES,
};

function take<Own extends Kept>(entries: Map<number, Entry<Own>>, { consumerId, version }: Target, make: () => Own): Own {
  const found = entries.get(consumerId);
  if (found?.version === version) {
    found.usedAt = performance.now();
    return found.connections;
  }
  if (found) retire(entries, consumerId, found);
  if (entries.size >= MAX_POOLS) {
    const [id, oldest] = [...entries].reduce((a, b) => (b[1].usedAt < a[1].usedAt ? b : a));
    retire(entries, id, oldest);
  }
  const connections = make();
  entries.set(consumerId, { connections, version, usedAt: performance.now() });
  return connections;
}

/** Requests under way finish; then its connections close. */
function retire<Own extends Kept>(entries: Map<number, Entry<Own>>, consumerId: number, { connections }: Entry<Own>): void {
  entries.delete(consumerId);
  void connections.close().catch(() => undefined);
}
