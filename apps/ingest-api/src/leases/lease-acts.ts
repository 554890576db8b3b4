import { type LeaseKey, msOf, Problem, readReceipt } from '@app/domain';
import { type IngestMetrics, type Log, observeAttempt } from '@app/runtime';
import {
  type Database,
  endsKey,
  extendLeases,
  type Extension,
  findPullConsumer,
  type Judged,
  type Node,
  type PullConsumer,
  settleLeases,
  type Verdict,
} from '@app/storage';
import type { Nudges } from '../nudges.js';
import { Batches } from './batches.js';
import type { LeaseResultBody } from './settle.body.js';
import { INVALID, type LeaseExtendedView, type LeaseSettledView, STALE, viewJudged } from './settle.view.js';

interface Parts {
  database: Database;
  node: Node;
  nudges: Nudges;
  metrics: IngestMetrics;
  log: Log;
}

/** What a consumer does with its leases. A receipt works on the consumer that it was made for, and on no other. */
export class LeaseActs {
  private readonly verdicts: Batches<Verdict, Judged>;
  private readonly extensions: Batches<Extension, Date | undefined>;

  constructor(private readonly parts: Parts) {
    const { database, node, nudges, metrics } = parts;
    this.verdicts = new Batches(async (verdicts) => {
      const end = metrics.settleSeconds.startTimer();
      const judged = await settleLeases(database, verdicts, node);
      end();
      const goOn = judged.flatMap((one) => (one.kind === 'settled' && endsKey(one.settlement) ? [one.settlement.claim.consumerId] : []));
      if (goOn.length > 0) nudges.wake([...new Set(goOn)]);
      return judged;
    });
    this.extensions = new Batches((extensions) => extendLeases(database, extensions));
  }

  /** Throws {@link Problem} `not-found`. */
  async find(channel: string, consumer: string): Promise<PullConsumer> {
    const found = await findPullConsumer(this.parts.database, channel, consumer);
    if (!found) throw new Problem('not-found', 'there is no such consumer');
    return found;
  }

  async settle(consumer: PullConsumer, results: readonly LeaseResultBody[]): Promise<LeaseSettledView[]> {
    const verdicts = results.map((result) => verdictOf(leaseOf(consumer, result.receipt), result));
    const judged = await this.judge(verdicts);
    return results.map(({ receipt }, index) => {
      const one = judged.get(verdicts[index]);
      this.observe(consumer, one);
      return one ? viewJudged(receipt, one) : { receipt, ...INVALID };
    });
  }

  async extend(consumer: PullConsumer, receipts: readonly string[], leaseMs: number): Promise<LeaseExtendedView[]> {
    const leases = receipts.map((receipt) => leaseOf(consumer, receipt));
    const known = leases.filter((lease) => lease !== undefined);
    const ends = await this.extensions.add(known.map((lease) => ({ lease, leaseMs })));
    const endOf = new Map(known.map((lease, index) => [lease, ends[index]]));
    return receipts.map((receipt, index) => {
      const lease = leases[index];
      if (!lease) return { receipt, ...INVALID };
      const expiresAt = endOf.get(lease);
      return expiresAt ? { receipt, status: 'extended', expiresAt } : { receipt, ...STALE };
    });
  }

  private async judge(verdicts: readonly (Verdict | undefined)[]): Promise<Map<Verdict | undefined, Judged>> {
    const known = verdicts.filter((verdict) => verdict !== undefined);
    const judged = await this.verdicts.add(known);
    return new Map(known.map((verdict, index) => [verdict, judged[index]!]));
  }

  private observe({ channel, consumer }: PullConsumer, judged: Judged | undefined): void {
    const { metrics, log } = this.parts;
    metrics.leaseSettlements.inc({ status: judged?.kind ?? 'invalid' });
    if (judged?.kind !== 'settled') return;
    const { claim, ...attempted } = judged.settlement;
    metrics.leaseHeldSeconds.observe(attempted.durationMs / 1000);
    // The place of a first attempt says since when it may be leased, also if the message was scheduled.
    const dueAtMs = claim.attempt === 1 ? msOf(claim.seq) : undefined;
    observeAttempt({ ...attempted, ...claim, channel, consumer, dueAtMs }, metrics, log);
  }
}

function leaseOf(consumer: PullConsumer, receipt: string): LeaseKey | undefined {
  const lease = readReceipt(receipt);
  return lease?.consumerId === consumer.id ? lease : undefined;
}

function verdictOf(lease: LeaseKey | undefined, { outcome, delayMs, reason }: LeaseResultBody): Verdict | undefined {
  if (!lease) return undefined;
  const end = outcome === 'nack' ? { kind: outcome, delayMs: delayMs ?? undefined } : { kind: outcome };
  return { lease, end, reason: typeof reason === 'string' ? Buffer.from(reason) : null };
}
