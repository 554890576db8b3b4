import { effectiveRate, mostSharers, type Part, partOf, type RateLimit, shareOf, TokenBucket } from '@app/domain';

const MAX_KNOWN = 20_000;
/** A limited lane has its turns so far apart at least: fewer and larger claims. */
const TURN_SECONDS = 0.025;

/** Of a consumer's settings, what bounds how much of it this process may do. */
export interface Limited {
  consumerId: number;
  maxInFlight: number;
  rateLimit: RateLimit | null;
  resumeRate: number | null;
}

/** Who shares the limits: see `Membership`. */
export interface Sharers {
  readonly now: readonly number[];
  readonly me: number;
  readonly since: number;
}

interface Known {
  nodes: readonly number[];
  most: number;
  part: Part | undefined;
}

/**
 * What this process may do for each consumer: its share of the consumer's limits, which hold over all dispatchers (docs/decisions/0032). Those that take part
 * are the same for all limits of a consumer.
 */
export class Limits {
  private readonly parts = new Map<number, Known>();
  private readonly buckets = new Map<number, TokenBucket>();
  /** Buckets are not older than this: tokens that may have been used before are not there twice. */
  private begunAt = -Infinity;

  constructor(
    private readonly sharers: Sharers,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Requests that may be under way here; 0 when the consumer is the business of others. */
  inFlight(target: Limited): number {
    const part = this.partOf(target);
    return part ? shareOf(target.maxInFlight, part) : 0;
  }

  /** Requests that may begin now; Infinity for a consumer without a rate. */
  requests(target: Limited): number {
    return this.bucketOf(target)?.available(this.now()) ?? Infinity;
  }

  /** Until so many requests may begin that a turn is worth while. */
  waitMs(target: Limited): number {
    const rate = rateOf(target);
    if (!rate) return 0;
    const part = this.partOf(target);
    return this.bucketOf(target)?.waitMs(Math.max(1, Math.floor((rate.perSecond / (part?.parts ?? 1)) * TURN_SECONDS)), this.now()) ?? 0;
  }

  /** So many requests are about to begin. */
  take(target: Limited, requests: number): void {
    this.bucketOf(target)?.take(requests, this.now());
  }

  /** So many that were taken have not begun. */
  back(target: Limited, requests: number): void {
    if (requests > 0) this.bucketOf(target)?.back(requests, this.now());
  }

  private partOf(target: Limited): Part | undefined {
    const nodes = this.sharers.now;
    if (nodes.length === 0) return undefined;
    const rate = rateOf(target);
    const most = rate ? Math.min(target.maxInFlight, mostSharers(rate)) : target.maxInFlight;
    const known = this.parts.get(target.consumerId);
    if (known?.nodes === nodes && known.most === most) return known.part;
    if (this.parts.size >= MAX_KNOWN) this.parts.clear();
    const part = partOf(target.consumerId, nodes, this.sharers.me, most);
    this.parts.set(target.consumerId, { nodes, most, part });
    return part;
  }

  /** Undefined for a consumer without a rate, or without a part in it: then nothing is claimed for it here. */
  private bucketOf(target: Limited): TokenBucket | undefined {
    const rate = rateOf(target);
    const part = rate ? this.partOf(target) : undefined;
    const kept = this.buckets.get(target.consumerId);
    if (!rate || !part) {
      if (kept && this.sharers.now.length > 0) this.buckets.delete(target.consumerId);
      return undefined;
    }
    const [perSecond, burst] = [rate.perSecond / part.parts, shareOf(rate.burst, part)];
    if (kept) {
      kept.set(perSecond, burst, this.now());
      return kept;
    }
    if (this.buckets.size >= MAX_KNOWN) {
      this.buckets.clear();
      this.begunAt = this.now();
    }
    const bucket = new TokenBucket(perSecond, burst, Math.max(this.begunAt, this.sharers.since));
    this.buckets.set(target.consumerId, bucket);
    return bucket;
  }
}

/** Whether requests to the consumer are limited. */
export const isLimited = (target: Limited): boolean => target.rateLimit !== null || target.resumeRate !== null;

const rateOf = ({ rateLimit, resumeRate }: Limited): RateLimit | null => effectiveRate(rateLimit, resumeRate);
