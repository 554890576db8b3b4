import { ADMIN_KEY, type Cluster } from './cluster.js';
import type { AppProcess } from './processes.js';

export interface Lease {
  receipt: string;
  expiresAt: string;
  attempt: number;
  message: {
    id: string;
    channel: string;
    priority: number;
    type: string | null;
    key: string | null;
    contentType: string | null;
    headers: Record<string, string>;
    createdAt: string;
    size: number;
    payload?: string;
    payloadBase64?: string;
  };
}

export interface Settled {
  receipt: string;
  status: string;
  delivery?: string;
  nextAttemptAt?: string;
  expiresAt?: string;
  detail?: string;
}

export interface Wish {
  max?: number;
  waitMs?: number;
  leaseMs?: number;
}

export type Result = { receipt: string; outcome: string; delayMs?: number; reason?: string };

/** What a route answered that was not 2xx. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfter: string | null,
  ) {
    super(`${status} ${code}: ${detail}`);
  }
}

/** One worker of a pull consumer, on one ingest process. */
export class Puller {
  private constructor(
    private readonly base: string,
    private readonly key: string,
  ) {}

  static on(ingest: AppProcess, channel: string, consumer = 'c', key = ADMIN_KEY): Puller {
    return new Puller(`http://127.0.0.1:${ingest.field('ingest.ready', 'port')}/v1/channels/${channel}/consumers/${consumer}/leases`, key);
  }

  async lease(wish: Wish = {}, signal?: AbortSignal): Promise<Lease[]> {
    return (await this.send<{ leases: Lease[] }>('', wish, signal)).leases;
  }

  /** The one delivery that there is. */
  async leaseOne(wish: Wish = {}): Promise<Lease> {
    const leases = await this.lease({ max: 10, ...wish });
    if (leases.length !== 1) throw new Error(`got ${leases.length} leases instead of one`);
    return leases[0]!;
  }

  async settle(...results: Result[]): Promise<Settled[]> {
    return (await this.send<{ results: Settled[] }>('/settle', { results })).results;
  }

  async ack(...leases: Pick<Lease, 'receipt'>[]): Promise<string[]> {
    return (await this.settle(...leases.map(({ receipt }) => ({ receipt, outcome: 'ack' })))).map(({ status }) => status);
  }

  async extend(receipts: string[], leaseMs?: number): Promise<Settled[]> {
    return (await this.send<{ results: Settled[] }>('/extend', { receipts, leaseMs })).results;
  }

  private async send<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const response = await fetch(this.base + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    const answer = (await response.json()) as T & { code: string; detail: string };
    if (!response.ok) throw new Refused(response.status, answer.code, answer.detail, response.headers.get('retry-after'));
    return answer;
  }
}

/** A channel of that name with the pull consumer `c`. */
export async function pullChannel(cluster: Cluster, channel: string, settings: Record<string, unknown> = {}): Promise<void> {
  await cluster.channel(channel);
  await cluster.ok('PUT', `/v1/channels/${channel}/consumers/c`, { type: 'pull', ...settings });
}
