import { Pool } from 'undici';
import type { Cidr } from '@app/domain';
import type { Target } from '../lanes/targets.js';
import { guardedConnect } from './guarded-connect.js';

/** Idle connections are closed after this unless the consumer's Keep-Alive header asks for less; many servers close theirs after 5 s. */
const KEEP_ALIVE_MS = 4_000;
const MAX_POOLS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;

interface Entry {
  pool: Pool;
  version: string;
}

/** Keep-alive connections, a pool for each consumer: never shared between consumers, replaced when the consumer's settings change. */
export class Pools {
  private readonly entries = new Map<number, Entry>();

  constructor(
    private readonly allowed: readonly Cidr[],
    private readonly maxTimeoutMs: number,
  ) {}

  for(target: Target, url: URL): Pool {
    const found = this.entries.get(target.consumerId);
    if (found?.version === target.version) {
      // Most recently used last.
      this.entries.delete(target.consumerId);
      this.entries.set(target.consumerId, found);
      return found.pool;
    }
    if (found) this.retire(target.consumerId, found);
    for (const [id, oldest] of this.entries) {
      if (this.entries.size < MAX_POOLS) break;
      this.retire(id, oldest);
    }
    const pool = new Pool(url.origin, {
      connections: target.maxInFlight,
      pipelining: 1,
      connect: guardedConnect(this.allowed, Math.max(target.timeoutMs, this.maxTimeoutMs)),
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 60_000,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.entries.set(target.consumerId, { pool, version: target.version });
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.entries.values()].map(({ pool }) => pool.destroy()));
    this.entries.clear();
  }

  /** Requests under way finish; then its connections close. */
  private retire(consumerId: number, { pool }: Entry): void {
    this.entries.delete(consumerId);
    void pool.close().catch(() => undefined);
  }
}
