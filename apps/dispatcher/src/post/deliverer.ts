import { setTimeout as sleep } from 'node:timers/promises';
import { isTest, nextStep, stepOfTest } from '@app/domain';
import type { DispatcherMetrics, Log } from '@app/runtime';
import { type Claimed, type Database, type Outgoing, type Settlement, giveBack } from '@app/storage';
import type { Slots } from '../lanes/slots.js';
import type { Work } from '../lanes/claim-loop.js';
import type { Pace } from '../lanes/pace.js';
import { Attempt, type Attempted } from './post.js';
import type { Pools } from './pools.js';
import { TokenAttempt } from './token-attempt.js';
import type { Tokens } from './tokens.js';
import { Turns } from './turns.js';

interface Parts {
  database: Database;
  pools: Pools;
  tokens: Tokens;
  slots: Slots;
  pace: Pace;
  metrics: DispatcherMetrics;
  log: Log;
}

/** From claimed rows to outcomes: POSTs each message, and hands the outcome to be settled. */
export class Deliverer {
  private readonly attempts = new Set<Attempt | TokenAttempt>();
  private readonly turns = new Turns();
  private cut = false;
  /** Claims whose attempt is under way or waits for its turn. */
  private readonly underWay = new Set<Work>();
  private ended: (() => void) | undefined;
  private stopping = false;

  constructor(
    private readonly parts: Parts,
    private readonly done: (settlement: Settlement, work: Work) => void,
    private readonly ends: { attempted: (consumerId: number) => void; settled: () => void },
  ) {}

  begin(batch: readonly Work[]): void {
    for (const work of batch) {
      this.underWay.add(work);
      this.parts.slots.hold(work.message?.payload.length ?? 0);
      if (this.turns.begin(work)) void this.deliver(work);
    }
  }

  /** Waits up to `graceMs` for the attempts under way; those that are not over by then are cut off and given back, to be attempted again by others. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    if (await this.endedWithin(graceMs)) return;
    this.parts.log.warn({ cut: this.underWay.size }, 'dispatcher.cutting-off');
    this.cut = true;
    for (const attempt of this.attempts) attempt.abort(new Error('shutting down'));
    await this.endedWithin(graceMs);
  }

  private async endedWithin(ms: number): Promise<boolean> {
    if (this.underWay.size === 0) return true;
    const all = new Promise<void>((resolve) => (this.ended = resolve));
    return Promise.race([all.then(() => true), sleep(ms, false, { ref: false })]);
  }

  /** False when an attempt that began now could outlive its lease: somebody else may have claimed the delivery by the time it ends. */
  private mayBegin(work: Work): boolean {
    return performance.now() + work.target.timeoutMs < work.leaseEndsAt && !this.cut;
  }

  private async deliver(work: Work): Promise<void> {
    const { slots, pools } = this.parts;
    const { message } = work;
    const { consumerId } = work.claim;
    try {
      if (this.stopping || !this.mayBegin(work)) return await this.return(work);
      const attempted = message ? await this.attempt(pools, work, message) : missing();
      if (this.cut && attempted.httpCode === null) return await this.return(work);
      this.done(this.settlement(work, attempted), work);
    } finally {
      slots.drop(message?.payload.length ?? 0);
      this.ends.attempted(consumerId);
      this.underWay.delete(work);
      const next = this.turns.end(consumerId);
      if (next) void this.deliver(next);
      if (this.underWay.size === 0) this.ended?.();
    }
  }

  private async attempt(pools: Pools, work: Work, message: Outgoing): Promise<Attempted> {
    const { oauth } = work.target;
    const attempt = oauth && work.target.url ? new TokenAttempt(this.parts.tokens, oauth) : new Attempt();
    this.attempts.add(attempt);
    const attempted = await attempt.post(pools, work, message);
    this.attempts.delete(attempt);
    return attempted;
  }

  private settlement({ claim, target, message }: Work, attempted: Attempted): Settlement {
    const { result, startedAtMs, durationMs, httpCode, responseBody } = attempted;
    const planned = nextStep(result, target.retry, claim.attempt - claim.attemptsBefore, Math.random());
    const step = message && isTest(message.headers) ? stepOfTest(planned) : planned;
    if (step.to === 'delivered') this.parts.pace.delivered(claim.consumerId, durationMs);
    else this.parts.pace.failed(claim.consumerId);
    return { claim, step, startedAtMs, durationMs, httpCode, errorClass: step.to === 'delivered' ? null : step.errorClass, responseBody };
  }

  /** Gives a claim back that was not attempted. If that fails too, its lease runs out. */
  private async return({ claim }: { claim: Claimed }): Promise<void> {
    await giveBack(this.parts.database, [claim]).catch((error: unknown) => this.parts.log.warn({ err: error }, 'claim.not-given-back'));
    this.ends.settled();
  }
}

/** The message is not there any more: its partition was dropped while the delivery waited. */
function missing(): Attempted {
  return { result: { kind: 'failed', errorClass: 'internal' }, startedAtMs: Date.now(), durationMs: 0, httpCode: null, responseBody: null };
}
