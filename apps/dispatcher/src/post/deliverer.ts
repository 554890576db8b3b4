import { setTimeout as sleep } from 'node:timers/promises';
import { nextStep } from '@app/domain';
import type { DispatcherMetrics, Log } from '@app/runtime';
import { type Claimed, type Database, type Outgoing, type Settlement, giveBack, loadMessages } from '@app/storage';
import type { Slots } from '../lanes/slots.js';
import type { Work } from '../lanes/claim-loop.js';
import { type Attempted, post } from './post.js';
import type { Pools } from './pools.js';

const LOAD_RETRY_MS = 200;

interface Parts {
  database: Database;
  pools: Pools;
  slots: Slots;
  metrics: DispatcherMetrics;
  log: Log;
}

/** From claimed rows to outcomes: loads the messages, POSTs each, and hands the outcome to be settled. */
export class Deliverer {
  /** Of the attempts under way. */
  private readonly deadlines = new Set<AbortController>();
  private cut = false;
  private readonly underWay = new Set<Work>();
  private ended: (() => void) | undefined;
  private stopping = false;

  constructor(
    private readonly parts: Parts,
    private readonly done: (settlement: Settlement, work: Work) => void,
    private readonly ends: { attempted: (consumerId: number) => void; settled: () => void },
  ) {}

  begin(batch: readonly Work[]): void {
    for (const work of batch) this.underWay.add(work);
    void this.run(batch);
  }

  /** Waits up to `graceMs` for the attempts under way; those that are not over by then are cut off and given back, to be attempted again by others. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    if (await this.endedWithin(graceMs)) return;
    this.parts.log.warn({ cut: this.underWay.size }, 'dispatcher.cutting-off');
    this.cut = true;
    for (const deadline of this.deadlines) deadline.abort(new Error('shutting down'));
    await this.endedWithin(graceMs);
  }

  private async endedWithin(ms: number): Promise<boolean> {
    if (this.underWay.size === 0) return true;
    const all = new Promise<void>((resolve) => (this.ended = resolve));
    return Promise.race([all.then(() => true), sleep(ms, false, { ref: false })]);
  }

  private async run(batch: readonly Work[]): Promise<void> {
    const messages = await this.load(batch);
    await Promise.all(batch.map((work) => this.deliver(work, messages?.get(work.claim.messageId), messages !== undefined)));
  }

  /** Undefined when the database stayed away for so long that no attempt could begin. */
  private async load(batch: readonly Work[]): Promise<Map<string, Outgoing> | undefined> {
    const ids = batch.map(({ claim }) => claim.messageId);
    while (batch.some((work) => this.mayBegin(work))) {
      try {
        return await loadMessages(this.parts.database, ids);
      } catch (error) {
        this.parts.log.warn({ err: error }, 'messages.not-loaded');
        await sleep(LOAD_RETRY_MS);
      }
    }
    return undefined;
  }

  /** False when an attempt that began now could outlive its lease: somebody else may have claimed the delivery by the time it ends. */
  private mayBegin(work: Work): boolean {
    return performance.now() + work.target.timeoutMs < work.leaseEndsAt && !this.cut;
  }

  private async deliver(work: Work, message: Outgoing | undefined, loaded: boolean): Promise<void> {
    const { slots, pools } = this.parts;
    const bytes = message?.payload.length ?? 0;
    const deadline = new AbortController();
    slots.hold(bytes);
    try {
      if (this.stopping || !loaded || !this.mayBegin(work)) return await this.return(work);
      this.deadlines.add(deadline);
      const attempted = message ? await post(pools, work, message, deadline) : missing();
      if (this.cut && attempted.httpCode === null) return await this.return(work);
      this.done(this.settlement(work, attempted), work);
    } finally {
      slots.drop(bytes);
      this.deadlines.delete(deadline);
      this.ends.attempted(work.claim.consumerId);
      this.underWay.delete(work);
      if (this.underWay.size === 0) this.ended?.();
    }
  }

  private settlement({ claim, target }: Work, attempted: Attempted): Settlement {
    const { result, startedAtMs, durationMs, httpCode, responseBody } = attempted;
    const step = nextStep(result, target.retry, claim.attempt - claim.attemptsBefore, Math.random());
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
