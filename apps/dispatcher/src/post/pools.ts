import { Pool } from 'undici';
import type { ClientTls } from '@app/domain';
import type { Target } from '../lanes/targets.js';
import { type Guard, guardedConnect } from './guarded-connect.js';
import { TimedClient } from './timed-client.js';

/** Idle connections are closed after this unless the consumer's Keep-Alive header asks for less; many servers close theirs after 5 s. */
const KEEP_ALIVE_MS = 4_000;
const MAX_POOLS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;

interface Entry {
  pool: Pool;
  version: string;
}

/**
 * Keep-alive connections, a pool for each consumer and one for its token endpoint: never shared between consumers, and replaced when the consumer's settings
 * change, its credentials among them.
 */
export class Pools {
  private readonly targets = new Map<number, Entry>();
  private readonly tokens = new Map<number, Entry>();

  constructor(
    private readonly guard: Guard,
    private readonly maxTimeoutMs: number,
  ) {}

  for(target: Target, url: URL): Pool {
    return this.take(this.targets, target, url, target.maxInFlight, target.tls);
  }

  /** The consumer's certificates are for the consumer alone. */
  forTokens(target: Target, url: URL): Pool {
    return this.take(this.tokens, target, url, 1, undefined);
  }

  async close(): Promise<void> {
    const entries = [this.targets, this.tokens].flatMap((map) => [...map.values()]);
    await Promise.all(entries.map(({ pool }) => pool.destroy()));
    this.targets.clear();
    this.tokens.clear();
  }

  private take(entries: Map<number, Entry>, target: Target, url: URL, connections: number, tls: ClientTls | undefined): Pool {
    const found = entries.get(target.consumerId);
    if (found?.version === target.version) {
      // Most recently used last.
      entries.delete(target.consumerId);
      entries.set(target.consumerId, found);
      return found.pool;
    }
    if (found) retire(entries, target.consumerId, found);
    for (const [id, oldest] of entries) {
      if (entries.size < MAX_POOLS) break;
      retire(entries, id, oldest);
    }
    const connect = guardedConnect(this.guard, Math.max(target.timeoutMs, this.maxTimeoutMs), tls);
    const pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      factory: (origin, options) => new TimedClient(origin, options, connect),
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 60_000,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    entries.set(target.consumerId, { pool, version: target.version });
    return pool;
  }
}

/** Requests under way finish; then its connections close. */
function retire(entries: Map<number, Entry>, consumerId: number, { pool }: Entry): void {
  entries.delete(consumerId);
  void pool.close().catch(() => undefined);
}
