import { type Bucket, Problem, type Rate, rateFields, rateShare, takeTokens } from '@app/domain';
import type { FastifyReply } from 'fastify';
import type { LiveNodes } from './live-nodes.js';

/** As many as keys are remembered. One that is forgotten begins anew with a full bucket. */
const MAX_BUCKETS = 10_000;

type Limited = { readonly keyId: string; readonly rate?: Rate };

/**
 * How much each key may do: a message costs one token, and so does any other request. Each ingest process gives out its equal share of the rate, so that all of them
 * together keep it when requests are spread over them.
 */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly nodes: Pick<LiveNodes, 'count'>,
    private readonly onRefused: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Charges a request, and says in the answer's header what is left. Throws {@link Problem} `too-many-requests`, and nothing is charged. */
  charge({ keyId, rate }: Limited, cost: number, reply: Pick<FastifyReply, 'header'>): void {
    if (!rate) return;
    const nodes = this.nodes.count;
    const share = rateShare(rate, nodes);
    const { bucket, taken, waitMs } = takeTokens(this.buckets.get(keyId), share, cost, this.now());
    this.keep(keyId, bucket);
    const state = { remaining: bucket.tokens * nodes, fullAfterMs: ((share.burst - bucket.tokens) / share.perSecond) * 1000 };
    for (const [name, value] of Object.entries(rateFields(rate, state))) void reply.header(name, value);
    if (taken) return;
    this.onRefused();
    throw new Problem('too-many-requests', `the key may do ${rate.perSecond} a second and ${rate.burst} at once`, {
      retryAfterSeconds: waitMs / 1000,
    });
  }

  /**
   * Charges what a request turned out to hold beyond the one that was charged when it came in. Throws {@link Problem} `validation-failed` for more than the key may
   * ever do at once.
   */
  chargeMore(caller: Limited, more: number, reply: Pick<FastifyReply, 'header'>): void {
    const { rate } = caller;
    if (!rate || more <= 0) return;
    if (more + 1 > rate.burst) {
      throw Problem.invalid([{ field: 'body', message: `has ${more + 1} messages: the key may publish ${rate.burst} at once` }]);
    }
    this.charge(caller, more, reply);
  }

  private keep(keyId: string, bucket: Bucket): void {
    this.buckets.delete(keyId);
    for (const oldest of this.buckets.keys()) {
      if (this.buckets.size < MAX_BUCKETS) break;
      this.buckets.delete(oldest);
    }
    this.buckets.set(keyId, bucket);
  }
}
