import { type Cidr, DEFAULT_RETRY, type KeyRing, type RetryPolicy, judgeUrl, secretBytes } from '@app/domain';
import { type Database, type StoredTarget, loadTargets } from '@app/storage';

/** A consumer as the dispatcher uses it. */
export interface Target {
  consumerId: number;
  channel: string;
  consumer: string;
  version: string;
  /** Undefined when the URL may not be a target (any more): every attempt is `blocked-target`. */
  url: URL | undefined;
  timeoutMs: number;
  maxInFlight: number;
  retry: RetryPolicy;
  /** Flat list of name, value, name, value … */
  headers: string[];
  secrets: Buffer[];
}

export interface TargetDefaults {
  deliveryTimeoutMs: number;
  maxInFlightPerConsumer: number;
  allowHttpTargets: boolean;
  allowedTargets: readonly Cidr[];
  keyRing: KeyRing;
}

const MAX_KNOWN = 20_000;

/** Settings of consumers, kept until the version that a claim saw says that they changed. */
export class Targets {
  private readonly known = new Map<number, Target>();

  constructor(
    private readonly database: Database,
    private readonly defaults: TargetDefaults,
  ) {}

  /** What was known at last: good enough to decide how much to claim, not to deliver. */
  peek(consumerId: number): Target | undefined {
    return this.known.get(consumerId);
  }

  /** Brings what is known up to these versions. A consumer that is gone is missing from the answer. */
  async at(versions: ReadonlyMap<number, string>): Promise<Map<number, Target>> {
    const stale = [...versions].filter(([id, version]) => this.known.get(id)?.version !== version).map(([id]) => id);
    if (this.known.size + stale.length > MAX_KNOWN) this.known.clear();
    for (const stored of await loadTargets(this.database, stale)) this.known.set(stored.consumerId, this.prepare(stored));
    return new Map([...versions.keys()].flatMap((id) => (this.known.has(id) ? [[id, this.known.get(id)!]] : [])));
  }

  private prepare(stored: StoredTarget): Target {
    const { deliveryTimeoutMs, maxInFlightPerConsumer, allowHttpTargets: allowHttp, allowedTargets: allowed, keyRing } = this.defaults;
    const verdict = judgeUrl(stored.url, { allowHttp, allowed });
    return {
      consumerId: stored.consumerId,
      channel: stored.channel,
      consumer: stored.consumer,
      version: stored.version,
      url: verdict.ok ? verdict.url : undefined,
      timeoutMs: stored.timeoutMs ?? deliveryTimeoutMs,
      maxInFlight: stored.maxInFlight ?? maxInFlightPerConsumer,
      retry: stored.retry ?? DEFAULT_RETRY,
      headers: Object.entries(stored.headers ?? {}).flat(),
      secrets: [secretBytes(keyRing.open(stored.signingSecret, `consumer/${stored.channel}/${stored.consumer}`))],
    };
  }
}
