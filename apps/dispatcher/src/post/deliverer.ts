import { setTimeout as sleep } from 'node:timers/promises';
import { type Id, isTest, nextStep, type NextStep, stepOfTest } from '@app/domain';
import type { DispatcherMetrics, Log } from '@app/runtime';
import { blockingNobody, type ConsumerChange, type Database, type Outgoing, giveBack, releaseProbe } from '@app/storage';
import type { ConsumerHealth } from '../lanes/consumer-health.js';
import type { Holds } from '../lanes/holds.js';
import type { Limits } from '../lanes/limits.js';
import type { Slots } from '../lanes/slots.js';
import type { Work } from '../lanes/claim-loop.js';
import type { Pace } from '../lanes/pace.js';
import type { Outcome } from '../settle/observe.js';
import { Bag } from './bag.js';
import { Batches } from './batches.js';
import { batchMessage, type Posted } from './batch-request.js';
import { batchSteps } from './batch-steps.js';
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
  holds: Holds;
  health: ConsumerHealth;
  limits: Limits;
  metrics: DispatcherMetrics;
  log: Log;
  mint: () => Id;
}

/** Claims in one transaction. */
const GIVEN_BACK_AT_ONCE = 256;

/** From claimed rows to outcomes: POSTs each message, and hands the outcome to be settled. */
export class Deliverer {
  private readonly attempts = new Bag<Attempt | TokenAttempt>();
  private readonly turns: Turns;
  private readonly batches: Batches;
  private cut = false;
  /** Claims whose attempt is under way or waits for its turn. */
  private underWay = 0;
  private ended: (() => void) | undefined;
  private stopping = false;

  constructor(
    private readonly parts: Parts,
    private readonly done: (outcome: Outcome) => void,
    private readonly ends: { attempted: (consumerId: number) => void; settled: () => void },
  ) {
    const { slots, limits } = parts;
    this.turns = new Turns((target) => limits.inFlight(target));
    // Beyond half of the slots those that wait would be missed by others.
    this.batches = new Batches(
      (target) => limits.inFlight(target),
      () => slots.used > slots.left,
      (works) => void this.deliverBatch(works),
    );
  }

  begin(batch: readonly Work[]): void {
    for (const work of batch) {
      this.underWay++;
      this.parts.slots.hold(work.message?.payload.length ?? 0);
      if (work.target.batch) this.batches.add(work);
      else if (this.turns.begin(work)) void this.deliver(work);
    }
    this.batches.pump();
  }

  /** Deliveries of a consumer that wait for their batch. */
  waiting(consumerId: number): number {
    return this.batches.waiting(consumerId);
  }

  /** The shares of limits may have changed: what may begin now begins, and what is the business of others by now is given back. */
  reshare(): void {
    const isOurs = ({ target }: Work): boolean => this.parts.limits.inFlight(target) > 0;
    void this.releaseAll([...this.turns.drain(isOurs), ...this.batches.drain(isOurs)]);
    for (const work of this.turns.next()) void this.deliver(work);
    this.batches.pump();
  }

  /** Waits up to `graceMs` for the attempts under way; those that are not over by then are cut off and given back, to be attempted again by others. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    void this.releaseAll([...this.turns.drain(), ...this.batches.drain()]);
    if (await this.endedWithin(graceMs)) return;
    this.parts.log.warn({ cut: this.underWay }, 'dispatcher.cutting-off');
    this.cut = true;
    for (const attempt of this.attempts) attempt.abort(new Error('shutting down'));
    await this.endedWithin(graceMs);
  }

  private async endedWithin(ms: number): Promise<boolean> {
    if (this.underWay === 0) return true;
    const all = new Promise<void>((resolve) => (this.ended = resolve));
    return Promise.race([all.then(() => true), sleep(ms, false, { ref: false })]);
  }

  /**
   * False when its consumer wants to be left alone or its breaker has opened, and when an attempt that began now could outlive its lease: somebody else may have claimed the delivery
   * by the time it ends.
   */
  private mayBegin(work: Work): boolean {
    const { holds, health } = this.parts;
    const { consumerId } = work.claim;
    if (this.stopping || holds.isHeld(consumerId) || (!work.probe && health.isOpen(consumerId))) return false;
    return performance.now() + work.target.timeoutMs < work.leaseEndsAt;
  }

  private async deliver(work: Work): Promise<void> {
    const { slots, pools } = this.parts;
    const { message } = work;
    const { consumerId } = work.claim;
    try {
      if (!this.mayBegin(work)) return await this.return(work);
      const attempted = message ? await this.attempt(pools, work, message) : missing();
      if (this.cut && attempted.httpCode === null) return await this.return(work);
      this.done(this.outcome(work, attempted));
    } finally {
      slots.drop(message?.payload.length ?? 0);
      this.ends.attempted(consumerId);
      this.underWay--;
      const next = this.turns.end(consumerId);
      if (next) void this.deliver(next);
      if (this.underWay === 0) this.ended?.();
    }
  }

  /** One POST for several deliveries of a consumer; each has its own outcome. */
  private async deliverBatch(works: readonly Work[]): Promise<void> {
    const late = works.filter((work) => !this.mayBegin(work));
    void this.releaseAll(late);
    const inTime = works.filter((work) => !late.includes(work));
    for (const work of inTime) if (!work.message) this.end(work, this.outcome(work, missing()));
    await this.postBatch(inTime.filter(isThere));
    this.batches.ended(works[0]!.claim.consumerId);
  }

  private async postBatch(works: readonly Posted[]): Promise<void> {
    const { pools, mint, holds, health, limits, metrics, log } = this.parts;
    const last = works.at(-1);
    if (!last) return;
    metrics.batchMessages.observe(works.length);
    limits.take(last.target, 1);
    const attempted = await this.attempt(pools, { ...last, batched: true }, batchMessage(mint(), works));
    if (this.cut && attempted.httpCode === null) {
      void this.releaseAll(works);
      return;
    }
    const { steps, unknown } = batchSteps(works, attempted, Math.random);
    if (unknown > 0) log.warn({ channel: last.target.channel, consumer: last.target.consumer, unknown }, 'batch.unknown-failures');
    const holdMs = holds.ended(last.claim.consumerId, attempted.result, last.target.retry);
    // One attempt, whatever the number of messages.
    const changes = health.ended(works.find(({ probe }) => probe) ?? last, attempted.result, attempted.durationMs);
    for (const [index, work] of works.entries()) {
      this.end(work, outcomeOf(work, attempted, steps[index]!, { holdMs, changes: work === last ? changes : undefined }));
    }
  }

  /** Of one of a batch. */
  private end(work: Work, outcome: Outcome): void {
    this.done(outcome);
    this.leave(work);
  }

  /** Gives back what waited for its turn, or was to be in a batch, and was not attempted. */
  private async releaseAll(works: readonly Work[]): Promise<void> {
    for (let from = 0; from < works.length; from += GIVEN_BACK_AT_ONCE) {
      const some = works.slice(from, from + GIVEN_BACK_AT_ONCE);
      await this.return(...some);
      for (const work of some) this.leave(work);
    }
  }

  private leave(work: Work): void {
    this.parts.slots.drop(work.message?.payload.length ?? 0);
    this.ends.attempted(work.claim.consumerId);
    this.underWay--;
    if (this.underWay === 0) this.ended?.();
  }

  private async attempt(pools: Pools, work: Work, message: Outgoing): Promise<Attempted> {
    const { oauth } = work.target;
    const wants = work.batched ? 'answer' : undefined;
    const attempt = oauth && work.target.url ? new TokenAttempt(this.parts.tokens, oauth, wants) : new Attempt(wants);
    this.attempts.add(attempt);
    const attempted = await attempt.post(pools, work, message);
    this.attempts.remove(attempt);
    return attempted;
  }

  private outcome(work: Work, attempted: Attempted): Outcome {
    const { claim, target, message } = work;
    const { result, durationMs } = attempted;
    const planned = nextStep(result, target.retry, claim.attempt - claim.attemptsBefore, Math.random(), claim.attemptsBefore);
    const step = message && isTest(message.headers) ? stepOfTest(planned) : planned;
    if (step.to === 'delivered') this.parts.pace.delivered(claim.consumerId, durationMs);
    else this.parts.pace.failed(claim.consumerId);
    const holdMs = this.parts.holds.ended(claim.consumerId, result, target.retry);
    return outcomeOf(work, attempted, step, { holdMs, changes: this.parts.health.ended(work, result, durationMs) });
  }

  /** Gives claims back that were not attempted. If that fails too, their leases run out. */
  private async return(...works: readonly Work[]): Promise<void> {
    const { database, limits, log } = this.parts;
    for (const { target } of works) if (!target.batch) limits.back(target, 1);
    const claims = works.map(({ claim }) => claim);
    await giveBack(database, claims).catch((error: unknown) => log.warn({ err: error }, 'claim.not-given-back'));
    // If this fails, the right to probe runs out with the lease.
    for (const { probe } of works)
      if (probe) await releaseProbe(database, probe).catch((error: unknown) => log.warn({ err: error }, 'probe.not-released'));
    works.forEach(() => this.ends.settled());
  }
}

const isThere = (work: Work): work is Posted => work.message !== undefined;

const outcomeOf = (
  { claim, message, target }: Work,
  { startedAtMs, durationMs, httpCode, responseBody, trace }: Attempted,
  step: NextStep,
  consumer: { holdMs: number; changes: readonly ConsumerChange[] | undefined },
): Outcome => ({
  claim: message ? claim : blockingNobody(claim),
  step,
  startedAtMs,
  durationMs,
  httpCode,
  errorClass: step.to === 'delivered' ? null : step.errorClass,
  responseBody,
  trace: trace?.record(target, step.to !== 'delivered'),
  target,
  dueAtMs: message?.deliverAt?.getTime(),
  ...consumer,
});

/** The message is not there any more: its partition was dropped while the delivery waited. */
function missing(): Attempted {
  return { result: { kind: 'failed', errorClass: 'internal' }, startedAtMs: Date.now(), durationMs: 0, httpCode: null, responseBody: null };
}
