import { Ageing, type Id, Problem } from '@app/domain';
import { type IngestMetrics, type Log, observeAttempt, Repeat } from '@app/runtime';
import { type Database, dueLanes, giveBack, lease, type Leased, type LeaseResult, type LeaseWish, type Node } from '@app/storage';
import { Poll } from './poll.js';

export interface PollLimits {
  maxPolls: number;
  maxPollsPerConsumer: number;
  /** Payload bytes in one leasing transaction, and so in one answer. */
  pollAnswerBytes: number;
  /** Payload bytes in answers on their way, beyond which leasing waits. */
  pollBytes: number;
  pollFallbackMs: number;
}

interface Parts {
  database: Database;
  metrics: IngestMetrics;
  log: Log;
}

/** Leasing transactions at a time: publishing keeps its connections. */
const CONNECTIONS = 2;
/** Rows in one of them. */
const MAX_ROWS = 500;

const bytesOf = (leased: readonly Leased[]): number => leased.reduce((sum, { payload }) => sum + payload.length, 0);

/**
 * The polls of pull consumers that wait in this process. A lane is looked at when a poll comes, when a nudge says that it has something, and when a look at
 * all lanes with waiting polls finds so: that is what becomes of nudges that are lost and of leases that run out. One transaction at a time serves all
 * polls of a lane, the longest waiting first.
 */
export class Polls {
  readonly loop: Repeat;
  private readonly lanes = new Map<number, Set<Poll>>();
  /** Lanes to look at, in the order of their turns. */
  private readonly due = new Set<number>();
  private readonly serving = new Set<number>();
  private readonly ageing = new Ageing();
  private count = 0;
  private bytes = 0;
  private closed = false;
  private mint: () => Id = () => {
    throw new Error('polls have not joined the process');
  };

  constructor(
    private readonly parts: Parts,
    private readonly limits: PollLimits,
  ) {
    this.loop = new Repeat({ name: 'polls', log: parts.log, staleAfterMs: 60_000, doOnce: () => this.doOnce() });
  }

  /** Whose ids events about dead deliveries get; before the first poll. */
  join(node: Node): void {
    this.mint = () => node.mint();
  }

  /**
   * Leases as many deliveries as are there, at most `max`; waits up to `waitMs` for the first. Resolves with none when there was none, the client is
   * `gone` or the process stops. Whoever gets leases calls `answered` with them. Rejects with {@link Problem} `too-many-requests` when too many wait,
   * `conflict` when the consumer's type is push and `not-found` when it was deleted.
   */
  async take(consumerId: number, { waitMs, ...wish }: LeaseWish & { waitMs: number }, gone: AbortSignal): Promise<Leased[]> {
    if (this.closed || gone.aborted) return [];
    const lane = this.lanes.get(consumerId) ?? new Set();
    this.refuseTooMany(lane.size);
    const poll: Poll = new Poll(wish, waitMs, gone, (how) => {
      lane.delete(poll);
      if (lane.size === 0) this.lanes.delete(consumerId);
      this.parts.metrics.polls.set(--this.count);
      this.parts.metrics.pollsAnswered.inc({ result: how });
    });
    this.lanes.set(consumerId, lane.add(poll));
    this.parts.metrics.polls.set(++this.count);
    this.wake([consumerId]);
    return poll.answer;
  }

  /** The answer with these leases has left, or its client was gone before: then they are given back. */
  answered(leased: readonly Leased[], reached: boolean): void {
    this.hold(-bytesOf(leased));
    if (!reached && leased.length > 0) void this.giveBack(leased);
    this.pump();
  }

  /** Consumers that may have something to lease. */
  wake(consumerIds: readonly number[]): void {
    for (const id of consumerIds) if (this.lanes.has(id)) this.due.add(id);
    this.pump();
  }

  /** A nudge; an empty list means look everywhere. */
  heard(consumerIds: readonly number[]): void {
    if (consumerIds.length > 0) this.wake(consumerIds);
    else this.loop.wake();
  }

  /** Answers every poll that waits, and from now on each at once. */
  close(): void {
    this.closed = true;
    for (const lane of this.lanes.values()) for (const poll of lane) poll.dismiss();
  }

  /** One look at all lanes with waiting polls; answers in how many ms to look again. */
  async doOnce(): Promise<number> {
    this.wake(await dueLanes(this.parts.database, [...this.lanes.keys()]));
    return this.limits.pollFallbackMs * (0.75 + Math.random() / 2);
  }

  private refuseTooMany(mine: number): void {
    const { maxPolls, maxPollsPerConsumer } = this.limits;
    const full =
      this.count >= maxPolls ? `${maxPolls} polls` : mine >= maxPollsPerConsumer ? `${maxPollsPerConsumer} polls of this consumer` : '';
    if (full === '') return;
    this.parts.metrics.pollsAnswered.inc({ result: 'refused' });
    throw new Problem('too-many-requests', `${full} wait in this process, which is the limit`, { retryAfterSeconds: 1 });
  }

  private pump(): void {
    for (const consumerId of this.due) {
      if (this.serving.size >= CONNECTIONS || this.bytes >= this.limits.pollBytes) return;
      if (this.serving.has(consumerId)) continue;
      this.due.delete(consumerId);
      const polls = longestWaiting(this.lanes.get(consumerId) ?? []);
      if (polls.length > 0) void this.serve(consumerId, polls);
    }
  }

  private async serve(consumerId: number, polls: readonly Poll[]): Promise<void> {
    this.serving.add(consumerId);
    for (const poll of polls) poll.begin();
    try {
      const end = this.parts.metrics.leaseSeconds.startTimer();
      const wishes = polls.map(({ wish }) => wish);
      const oldestFirst = this.ageing.isDue(consumerId);
      const result = await lease(this.parts.database, consumerId, wishes, this.limits.pollAnswerBytes, this.mint, oldestFirst);
      end();
      this.ageing.turned(consumerId, { oldestFirst, full: result.more });
      for (const [index, poll] of polls.entries()) this.answer(poll, result, result.leased[index]!);
      this.observe(result);
      const untried = [...(this.lanes.get(consumerId) ?? [])].some((poll) => poll.untried);
      if (result.more || untried) this.due.add(consumerId);
    } catch (error) {
      for (const poll of polls) poll.fail(error);
    } finally {
      this.serving.delete(consumerId);
      this.pump();
    }
  }

  private answer(poll: Poll, { consumer }: LeaseResult, leased: Leased[]): void {
    this.hold(bytesOf(leased));
    if (!consumer) poll.fail(new Problem('not-found', 'there is no such consumer'));
    else if (consumer.type !== 'pull') poll.fail(isPush());
    else if (leased.length === 0) poll.miss();
    else if (poll.give(leased)) this.parts.metrics.leased.inc(leased.length);
    else this.answered(leased, false);
  }

  private observe({ consumer, ended }: LeaseResult): void {
    if (!consumer) return;
    const { channel, consumer: name } = consumer;
    for (const { claim, ...attempted } of ended) {
      observeAttempt({ ...attempted, ...claim, channel, consumer: name }, this.parts.metrics, this.parts.log);
    }
  }

  private hold(bytes: number): void {
    this.bytes += bytes;
    this.parts.metrics.pollBytes.set(this.bytes);
  }

  /** When this fails too, the leases run out. */
  private async giveBack(leased: readonly Leased[]): Promise<void> {
    const { database, log } = this.parts;
    const claims = leased.map(({ claim }) => claim);
    try {
      await giveBack(database, claims);
      this.wake([...new Set(claims.map(({ consumerId }) => consumerId))]);
    } catch (error) {
      log.warn({ err: error, leases: claims.length }, 'leases.not-given-back');
    }
  }
}

/** As many as one transaction can serve. */
function longestWaiting(lane: Iterable<Poll>): Poll[] {
  let rows = 0;
  const polls: Poll[] = [];
  for (const poll of lane) {
    if (rows >= MAX_ROWS) break;
    rows += poll.wish.max;
    polls.push(poll);
  }
  return polls;
}

export const isPush = (): Problem =>
  new Problem('conflict', 'the type of this consumer is push: Posthorn posts to its url, and nothing can be leased');
