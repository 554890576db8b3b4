import {
  type BatchSettings,
  type BreakerSettings,
  type Cidr,
  DEFAULT_BREAKER,
  DEFAULT_RETRY,
  type KeyRing,
  type RateLimit,
  type RetryPolicy,
  judgeUrl,
} from '@app/domain';
import type { Log } from '@app/runtime';
import { type Database, type StoredTarget, loadTargets } from '@app/storage';
import { NOTHING_UNSEALED, unseal, type Unsealed } from './unseal.js';

/** A consumer as the dispatcher uses it. */
export interface Target extends Unsealed {
  consumerId: number;
  channel: string;
  consumer: string;
  version: string;
  /** Undefined when nothing can be posted: every attempt fails with `refusal`. */
  url: URL | undefined;
  /** `blocked-target`: the URL, or that of its tokens, may not be a target (any more). `secret-unavailable`: one cannot be opened, for want of its key. */
  refusal: 'blocked-target' | 'secret-unavailable';
  timeoutMs: number;
  /** Over all dispatchers; so are the rates. */
  maxInFlight: number;
  rateLimit: RateLimit | null;
  resumeRate: number | null;
  retry: RetryPolicy;
  /** null: each message in a POST of its own. */
  batch: BatchSettings | null;
  /** null: none. */
  breaker: BreakerSettings | null;
  breakerEpoch: number;
  /** 0: never. */
  disableAfterSeconds: number;
}

export interface TargetDefaults {
  disableAfterSeconds: number;
  deliveryTimeoutMs: number;
  maxInFlightPerConsumer: number;
  allowHttpTargets: boolean;
  allowedTargets: readonly Cidr[];
  keyRing: KeyRing;
}

const MAX_KNOWN = 20_000;

/** Of the consumer alone, without its channel. */
export const consumerVersion = ({ version }: Pick<Target, 'version'>): number => Number(version.split('.')[0]);

/** Settings of consumers, kept until the version that a claim saw says that they changed. */
export class Targets {
  private readonly known = new Map<number, Target>();

  constructor(
    private readonly database: Database,
    private readonly defaults: TargetDefaults,
    private readonly log: Log,
  ) {}

  /** Reads the settings of consumers that nothing is known of. Answers those that cannot be posted to: they are gone, or pull by now. */
  async learn(consumerIds: readonly number[]): Promise<number[]> {
    if (this.known.size + consumerIds.length > MAX_KNOWN) this.known.clear();
    for (const stored of await loadTargets(this.database, consumerIds)) this.known.set(stored.consumerId, this.prepare(stored));
    return consumerIds.filter((id) => !this.known.has(id));
  }

  /** The consumer has this version by now: what is known of another one is forgotten. */
  outdate(consumerId: number, version: number): void {
    const known = this.known.get(consumerId);
    if (known && consumerVersion(known) !== version) this.known.delete(consumerId);
  }

  /** What was known at last: good enough to decide how much to claim, not to deliver. */
  peek(consumerId: number): Target | undefined {
    return this.known.get(consumerId);
  }

  /** Brings what is known up to these versions. A consumer that is gone, or pulls by now, is missing from the answer. */
  async at(versions: ReadonlyMap<number, string>): Promise<Map<number, Target>> {
    const stale = (): number[] => [...versions].filter(([id, version]) => this.known.get(id)?.version !== version).map(([id]) => id);
    if (this.known.size + stale().length > MAX_KNOWN) this.known.clear();
    const wanted = stale();
    for (const id of wanted) this.known.delete(id);
    for (const stored of await loadTargets(this.database, wanted)) this.known.set(stored.consumerId, this.prepare(stored));
    return new Map([...versions.keys()].flatMap((id) => (this.known.has(id) ? [[id, this.known.get(id)!]] : [])));
  }

  private prepare(stored: StoredTarget): Target {
    const {
      deliveryTimeoutMs,
      maxInFlightPerConsumer,
      disableAfterSeconds,
      allowHttpTargets: allowHttp,
      allowedTargets: allowed,
    } = this.defaults;
    const verdict = judgeUrl(stored.url, { allowHttp, allowed });
    const unsealed = this.unseal(stored);
    const mayAsk = !unsealed?.oauth || judgeUrl(unsealed.oauth.tokenUrl, { allowHttp, allowed }).ok;
    return {
      consumerId: stored.consumerId,
      channel: stored.channel,
      consumer: stored.consumer,
      version: stored.version,
      url: verdict.ok && mayAsk && unsealed ? verdict.url : undefined,
      refusal: verdict.ok && mayAsk ? 'secret-unavailable' : 'blocked-target',
      timeoutMs: stored.timeoutMs ?? deliveryTimeoutMs,
      maxInFlight: stored.maxInFlight ?? maxInFlightPerConsumer,
      retry: stored.retry ?? DEFAULT_RETRY,
      batch: stored.batch,
      rateLimit: stored.rateLimit,
      resumeRate: stored.resumeRate,
      breaker: stored.breaker === false ? null : (stored.breaker ?? DEFAULT_BREAKER),
      breakerEpoch: stored.breakerEpoch,
      disableAfterSeconds: stored.disableAfterSeconds ?? disableAfterSeconds,
      ...(unsealed ?? NOTHING_UNSEALED),
    };
  }

  /** Undefined when a secret cannot be opened: one consumer's lost key must not hold up the others that were claimed with it. */
  private unseal(stored: StoredTarget): Unsealed | undefined {
    try {
      return unseal(stored, this.defaults.keyRing);
    } catch (error) {
      this.log.error({ err: error, channel: stored.channel, consumer: stored.consumer }, 'consumer.not-unsealed');
      return undefined;
    }
  }
}
