export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** What is left, at a time of a monotonic clock. Below zero after more was taken at once than there is room for. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export interface Taking {
  readonly bucket: Bucket;
  readonly taken: boolean;
  /** Until the same could be taken, or 0 when it was. */
  readonly waitMs: number;
}

/** Sums of fractions miss whole tokens by less than this. */
const TOLERANCE = 1e-9;

/**
 * Takes tokens out of a bucket that fills at `perSecond` up to `burst`; undefined is a full one. More than `burst` is taken on credit out of a full bucket, so that
 * a part of a rate lets through what fits into the whole: the rate holds in the long run all the same.
 */
export function takeTokens(bucket: Bucket | undefined, { perSecond, burst }: Rate, cost: number, nowMs: number): Taking {
  const tokens = bucket ? Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000) : burst;
  const needed = Math.min(cost, burst);
  const taken = tokens + TOLERANCE >= needed;
  return {
    bucket: { tokens: taken ? tokens - cost : tokens, atMs: nowMs },
    taken,
    waitMs: taken ? 0 : ((needed - tokens) / perSecond) * 1000,
  };
}

/** One of so many equal parts of a rate. */
export const rateShare = ({ perSecond, burst }: Rate, parts: number): Rate => ({ perSecond: perSecond / parts, burst: burst / parts });
