import * as fc from 'fast-check';
import type { Cluster } from '../cluster.js';
import type { ApiOperation } from './document.js';
import type { RawAnswer, RawRequest } from './raw-client.js';
import type { Hints } from './schemas.js';

/** Is put where secrets go, and must come back nowhere. */
export const SECRET = 'sw0rdfish-nobody-may-see-this';

const CHANNELS = ['fuzz-1', 'fuzz-2'];
const KEPT = 50;
const reference = (pool: string): fc.Arbitrary<string> => fc.nat(KEPT).map((n) => `@@${pool}:${n}@@`);
const secret = fc.constantFrom(SECRET, `${SECRET}-2`);

/** Things that exist, for requests to be about; it is made again before each operation, and learns from answers. */
export class World {
  private readonly pools = new Map<string, string[]>();

  constructor(
    private readonly cluster: Cluster,
    private readonly url: string,
  ) {}

  /** Where values go that mean something. */
  get hints(): Hints {
    return {
      channel: fc.constantFrom(...CHANNELS, ...CHANNELS, ...CHANNELS, 'fuzz-3', 'nowhere'),
      consumer: fc.constantFrom('push', 'push', 'push', 'pull', 'pull', 'pull', 'other', 'nobody'),
      producer: fc.constantFrom('shop', 'shop', 'other', 'nobody'),
      message: reference('messages'),
      messages: fc.array(reference('messages'), { minLength: 1, maxLength: 3 }),
      'keys/{id}': reference('keys'),
      // The newest, which still run.
      job: fc.nat(3).map((n) => `@@jobs:${n}@@`),
      receipt: reference('receipts'),
      receipts: fc.array(reference('receipts'), { minLength: 1, maxLength: 3 }),
      cursor: reference('cursors'),
      scopes: fc.constantFrom(['read'], ['publish:fuzz-1', 'consume:*/*'], ['manage:*']),
      url: fc.constantFrom(this.url, 'http://127.0.0.1:9/'),
      tokenUrl: fc.constantFrom(this.url, 'http://127.0.0.1:9/'),
      deliverAt: fc.constantFrom(null, '2020-01-01T00:00:00Z'),
      payloadBase64: fc.constantFrom(null, null, 'AA=='),
      waitMs: fc.nat(20),
      maxWaitMs: fc.nat(20),
      signingSecret: fc.constantFrom(undefined, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', null),
      tls: fc.constant(null),
      username: fc.constant('fuzz'),
      password: secret,
      token: secret,
      clientSecret: secret,
      privateKey: secret,
      'If-Match': fc.constantFrom('*', '*', '"1"', '"2"'),
      'If-None-Match': fc.constantFrom('*', '"1"'),
    };
  }

  /** What a consumer is needs a URL or has none. */
  get bases(): Record<string, fc.Arbitrary<object>> {
    return {
      ConsumerBody: fc.constantFrom<object>({ type: 'push', url: this.url }, { type: 'push', url: this.url }, { type: 'pull', url: null }),
    };
  }

  /** Makes everything that a request may be about. */
  async make(): Promise<void> {
    const { cluster } = this;
    // Those of a channel that was deleted are gone with it.
    for (const pool of ['messages', 'receipts', 'jobs']) this.pools.delete(pool);
    await this.cancelJobs();
    const made = ['producers/shop', ...CHANNELS.map((name) => `channels/${name}`)].map((path) => cluster.ok('PUT', `/v1/${path}`, {}));
    await Promise.all(made);
    await Promise.all(CHANNELS.map((channel) => this.makeIn(channel)));
    this.keep('keys', (await cluster.ok<{ id: string }>('POST', '/v1/keys', { name: 'fuzz', scopes: ['read'] })).id);
  }

  /** A consumer may have only so many that are not finished. */
  private async cancelJobs(): Promise<void> {
    const { items } = await this.cluster.ok<{ items: { id: string; state: string }[] }>('GET', '/v1/jobs?limit=100');
    const unfinished = items.filter(({ state }) => ['running', 'paused'].includes(state));
    await Promise.all(unfinished.map(({ id }) => this.cluster.api('POST', `/v1/jobs/${id}/cancel`)));
  }

  private async makeIn(channel: string): Promise<void> {
    const { cluster } = this;
    const consumers = `/v1/channels/${channel}/consumers`;
    const auth = { type: 'bearer', token: SECRET };
    const push = { type: 'push', url: this.url, auth, headers: { 'x-api-key': SECRET }, retry: { delays: [] } };
    await Promise.all([this.put(`${consumers}/push`, push), this.put(`${consumers}/pull`, { type: 'pull' })]);
    for (const payload of ['{"a":1}', '']) this.keep('messages', await cluster.publish(channel, payload));
    this.keep('jobs', (await cluster.ok<{ id: string }>('POST', `${consumers}/push/replay`, { ratePerSecond: 1 })).id);
    this.keep('messages', await cluster.publish(channel, 'later', { 'posthorn-delay': '3600' }));
    const leased = await cluster.ok<{ leases: { receipt: string }[] }>('POST', `${consumers}/pull/leases`, { max: 1, leaseMs: 1_000 });
    for (const { receipt } of leased.leases) this.keep('receipts', receipt);
  }

  /** Puts what is there in place of references. */
  filled({ method, target, headers, body }: RawRequest): RawRequest {
    const fill = (text: string): string =>
      text.replaceAll(/@@([a-z]+):(\d+)@@/g, (_all, pool: string, n: string) => {
        const known = this.pools.get(pool) ?? [];
        return known[Number(n) % Math.max(1, known.length)] ?? '123456789';
      });
    const filled = body?.includes('@@') ? Buffer.from(fill(body.toString('latin1')), 'latin1') : body;
    return { method, target: fill(target), headers: headers.map(([name, value]) => [name, fill(value)] as const), body: filled };
  }

  /** Keeps ids, cursors and receipts for later requests. */
  learn({ path }: ApiOperation, answer: RawAnswer): void {
    if (answer.status >= 300 || !(answer.headers['content-type'] ?? '').startsWith('application/json')) return;
    const value = JSON.parse(answer.body.toString('utf8')) as {
      id?: string;
      cursor?: string | null;
      job?: string;
      leases?: { receipt: string }[];
    };
    const pool = path.split('/').findLast((step) => !step.startsWith('{')) ?? '';
    if (typeof value.id === 'string') this.keep(['keys', 'messages'].includes(pool) ? pool : 'jobs', value.id);
    if (typeof value.cursor === 'string') this.keep('cursors', value.cursor);
    for (const { receipt } of value.leases ?? []) this.keep('receipts', receipt);
  }

  /** Anew when it has become another kind of consumer. */
  private async put(path: string, settings: Record<string, unknown>): Promise<void> {
    if ((await this.cluster.api('PUT', path, settings)).status < 300) return;
    await this.cluster.api('DELETE', `${path}?force=true`);
    await this.cluster.ok('PUT', path, settings);
  }

  private keep(pool: string, value: string): void {
    const known = this.pools.get(pool) ?? [];
    this.pools.set(pool, [value, ...known].slice(0, KEPT));
  }
}
