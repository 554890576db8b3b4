import { DEFAULT_RETRY, type Id, nextStep, pullToken, type RetryPolicy } from '@app/domain';
import { randomBytes } from 'node:crypto';
import { type Claimed, mark, type MarkedLease } from '../claim.js';
import type { Database, Packets } from '../database.js';
import { byId, MAX_KEYS } from '../key-rows.js';
import { blockingNobody, keyPlaceOf } from '../ordering/key-place.js';
import { endsKey } from '../ordering/release.js';
import { outcomes, type Settlement } from '../settle.js';
import { type BeginningRow, beginnings, type DueRow, dueRows, expired, oldestDueRows, recordExpired, weighed } from './due-rows.js';
import { type PullConsumer, pullConsumerOf, pullConsumersById, type StoredPullConsumer } from './pull-consumer.js';
import { describeMessages, type PayloadRow, payloadsById, type PulledMessage } from './pulled-messages.js';

/** What one poll asks for. */
export interface LeaseWish {
  /** 1–500. */
  max: number;
  leaseMs: number;
}

/** A delivery that whoever has its receipt may settle until somebody else leases it. */
export interface Leased {
  claim: Claimed;
  /** Not later than the lease's end. */
  expiresAt: Date;
  message: PulledMessage;
  payload: Buffer;
}

export interface LeaseResult {
  /** As the transaction saw it; undefined when it is gone. */
  consumer: PullConsumer | undefined;
  /** For each wish, in order. */
  leased: Leased[][];
  /** Attempts that ended without anybody saying so: their lease ran out, or their message is gone. Recorded; for some it was the last attempt. */
  ended: Settlement[];
  /** Whether the lane may have more. */
  more: boolean;
}

/**
 * Leases due rows of one lane to several polls in one short transaction, in the order of the lane and of the polls: at most 500 rows, and of those at
 * least one but no more than `bytes` of payload. With `oldestFirst` those that have been ready the longest, whatever their priority. A consumer that is paused, disabled, of type push or deleted when the transaction reads it gives nothing.
 * `mint` makes the ids of events about deliveries whose last lease ran out.
 */
export function lease(
  database: Database,
  consumerId: number,
  wishes: readonly LeaseWish[],
  bytes: number,
  mint: () => Id,
  oldestFirst = false,
): Promise<LeaseResult> {
  return database.packets('lease', async (packets) => {
    const wanted = wishes.reduce((sum, wish) => sum + wish.max, 0);
    const limit = Math.min(MAX_KEYS, wanted);
    const [[stored], first] = await packets.send<[StoredPullConsumer[], DueRow[]]>(
      pullConsumersById([consumerId]),
      oldestFirst ? oldestDueRows(consumerId, limit) : dueRows(consumerId, limit),
    );
    const rows = oldestFirst && first.length < limit ? await topUp(packets, consumerId, first, limit) : first;
    const consumer = stored && pullConsumerOf(stored);
    if (!consumer || rows.length === 0) return { consumer, leased: wishes.map(() => []), ended: [], more: false };

    const { free, ended, messages } = await look(packets, consumer, rows);
    const there = free.filter((row) => messages.has(row.messageId));
    const lost = free.filter((row) => !messages.has(row.messageId)).map((row) => leaseOf(consumer, row, 0));
    const missing = lost.map((claim) => failed(claim, policyOf(consumer)));
    const taken = upTo(bytes, there, (row) => messages.get(row.messageId)!.size);
    const leases = share(taken, wishes).map((list) => list.map(({ row, leaseMs }) => leaseOf(consumer, row, leaseMs)));

    const all = leases.flat();
    const [payloads] = await packets.commit<[PayloadRow[]]>(
      // Read before the commit: if that fails, nothing was leased.
      payloadsById(all.map((one) => one.messageId)),
      ...marked([...all, ...lost]),
      ...recordExpired(ended.filter(({ step }) => step.to !== 'dead')),
      ...written([...ended.filter(({ step }) => step.to === 'dead'), ...missing], mint),
    );
    const payloadOf = new Map(payloads.map(({ id, payload }) => [id, payload]));
    const now = rows[0]!.now.getTime();
    const leased = leases.map((list) =>
      list.map(({ leaseMs, ...claim }) => ({
        claim,
        expiresAt: new Date(now + leaseMs),
        message: messages.get(claim.messageId)!,
        payload: payloadOf.get(claim.messageId)!,
      })),
    );
    const over = [...ended, ...missing];
    return { consumer, leased, ended: over, more: rows.length === limit || taken.length < there.length || over.some(endsKey) };
  });
}

const policyOf = (consumer: PullConsumer): RetryPolicy => consumer.retry ?? DEFAULT_RETRY;

/** Others may have had the oldest, and there may be more: a poll must not end empty for that. */
async function topUp(packets: Packets, consumerId: number, rows: readonly DueRow[], limit: number): Promise<DueRow[]> {
  const [more] = await packets.send<[DueRow[]]>(dueRows(consumerId, limit));
  const held = new Set(rows.map(({ rank, seq }) => `${rank}/${seq}`));
  return [...rows, ...more.filter(({ rank, seq }) => !held.has(`${rank}/${seq}`))].slice(0, limit);
}

/** One packet: the messages of the rows, without payloads, and what became of leases that ran out. */
async function look(
  packets: Packets,
  consumer: PullConsumer,
  rows: readonly DueRow[],
): Promise<{ free: DueRow[]; ended: Settlement[]; messages: Map<Id, PulledMessage> }> {
  const overdue = rows.filter((row) => row.token !== '0');
  const ids = overdue.map((row) => row.messageId);
  const [found, begun = []] = await packets.send<[PulledMessage[], BeginningRow[]?]>(
    describeMessages(rows.map((row) => row.messageId)),
    ...(ids.length > 0 ? [beginnings(consumer.id, ids)] : []),
  );
  const beganAt = new Map(begun.map(({ id, began }) => [id, began]));
  const ended = overdue.map((row) => expired(consumer, row, beganAt.get(row.messageId) ?? row.leaseUntil, policyOf(consumer)));
  const buried = new Set(ended.filter(({ step }) => step.to === 'dead').map(({ claim }) => claim.messageId));
  return {
    free: rows.filter((row) => !buried.has(row.messageId)).map(weighed),
    ended,
    messages: new Map(found.map((message) => [message.id, message])),
  };
}

/** The first rows whose sizes add up to no more than `bytes`, at least one. */
function upTo(bytes: number, rows: readonly DueRow[], sizeOf: (row: DueRow) => number): DueRow[] {
  let sum = 0;
  const end = rows.findIndex((row, index) => (sum += sizeOf(row)) > bytes && index > 0);
  return rows.slice(0, end === -1 ? rows.length : end);
}

/** In the order of the lane, to each poll as many as it asks for. */
function share(rows: readonly DueRow[], wishes: readonly LeaseWish[]): { row: DueRow; leaseMs: number }[][] {
  let from = 0;
  return wishes.map(({ max, leaseMs }) => rows.slice(from, (from += max)).map((row) => ({ row, leaseMs })));
}

const leaseOf = (consumer: PullConsumer, row: DueRow, leaseMs: number): MarkedLease => ({
  consumerId: consumer.id,
  rank: row.rank,
  seq: row.seq,
  messageId: row.messageId,
  attempt: row.attempts + 1,
  attemptsBefore: row.attemptsBefore,
  token: pullToken(randomBytes(8)),
  replay: row.replay,
  ...keyPlaceOf(row, consumer),
  leaseMs,
});

/** The message is not there any more: an attempt that failed, as it is when it is pushed. */
function failed({ leaseMs: _none, ...claim }: MarkedLease, policy: RetryPolicy): Settlement {
  const step = nextStep({ kind: 'failed', errorClass: 'internal' }, policy, claim.attempt - claim.attemptsBefore, Math.random());
  return {
    claim: blockingNobody(claim),
    step,
    startedAtMs: Date.now(),
    durationMs: 0,
    httpCode: null,
    errorClass: 'internal',
    responseBody: null,
  };
}

const marked = (leases: readonly MarkedLease[]): ReturnType<typeof mark> =>
  leases.length > 0 ? mark(leases.toSorted((a, b) => a.rank - b.rank || byId(a.seq, b.seq))) : [];

const written = (ended: readonly Settlement[], mint: () => Id): ReturnType<typeof outcomes> =>
  ended.length > 0 ? outcomes(ended, null, mint) : [];
