import { DEFAULT_RETRY, type ErrorClass, type Id, type LeaseEnd, type LeaseKey, stepAfterLease } from '@app/domain';
import type { Database } from '../database.js';
import { isFenced } from '../fence.js';
import { byId, readyRows } from '../key-rows.js';
import { type KeyColumns, keyPlaceOf } from '../ordering/key-place.js';
import type { Statement } from '../packets.js';
import { outcomes, type Settlement, type Settling } from '../settle.js';
import { type PullConsumer, pullConsumerOf, pullConsumersById, type StoredPullConsumer } from './pull-consumer.js';

/** What a consumer says of one lease. */
export interface Verdict {
  lease: LeaseKey;
  end: Exclude<LeaseEnd, { kind: 'expired' }>;
  /** In the consumer's words, at most 4096 bytes; kept for attempts that failed. */
  reason: Buffer | null;
}

/** What became of a verdict. */
export type Judged =
  /** Written now. */
  | { kind: 'settled'; settlement: Settlement }
  /** Written before: the same verdict on the same attempt. */
  | { kind: 'repeated'; to: 'delivered' | 'retry' | 'dead'; nextAttemptAt: Date | null }
  /** The lease is not the consumer's any more; nothing was changed. */
  | { kind: 'stale' };

/** How often a batch is judged anew because leases passed on between the read and the write. */
const MAX_RUNS = 20;

/**
 * Writes what consumers say of their leases in one transaction, each fenced by its token: at most 500. A lease that ran out may be settled as long as
 * nobody else has got the delivery. May be repeated after an error of any kind. Answers in the order of `verdicts`.
 */
export async function settleLeases(database: Database, verdicts: readonly Verdict[], node: Settling): Promise<Judged[]> {
  const firsts = [...new Map(verdicts.toReversed().map((verdict) => [verdict.lease.token, verdict])).values()];
  const settled = await write(database, firsts, node);
  const others = verdicts.filter((verdict) => !settled.has(verdict));
  const recorded = await readAttempts(database, others);
  return verdicts.map((verdict) => {
    const settlement = settled.get(verdict);
    return settlement ? { kind: 'settled', settlement } : judge(verdict, recorded);
  });
}

async function write(database: Database, verdicts: readonly Verdict[], node: Settling): Promise<Map<Verdict, Settlement>> {
  for (let run = 1; ; run++) {
    try {
      return await database.packets('settle-leases', async (packets) => {
        const [held, consumers] = await packets.send<[HeldRow[], StoredPullConsumer[]]>(
          heldRows(verdicts),
          pullConsumersById(verdicts.map(({ lease }) => lease.consumerId)),
        );
        const known = new Map(consumers.map(pullConsumerOf).map((consumer) => [consumer.id, consumer]));
        const settled = new Map(
          held.map((row) => {
            const verdict = verdicts[row.index]!;
            return [verdict, settlementOf(verdict, row, known.get(verdict.lease.consumerId))];
          }),
        );
        if (settled.size > 0) await packets.commit(...outcomes([...settled.values()], node.number, () => node.mint()));
        return settled;
      });
    } catch (error) {
      if (!isFenced(error) || run === MAX_RUNS) throw error;
    }
  }
}

interface HeldRow extends KeyColumns {
  index: number;
  message_id: Id;
  attempts: number;
  attempts_before: number;
  replay: Id;
  began: Date;
  micros: string;
}

/** Reads {@link HeldRow} rows of the leases that are still their holder's. Without locks: what passes on before it is written fails at the fence. */
function heldRows(verdicts: readonly Verdict[]): Statement {
  const keys = verdicts
    .map(({ lease }, index) => [lease.consumerId, lease.rank, lease.seq, lease.token, index] as const)
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1] || byId(a[2], b[2]));
  const sql = `SELECT k.i AS 'index', r.message_id, r.attempts, r.attempts_before, r.replay, r.key_hash, r.key_seq, d.updated_at AS began, TIMESTAMPDIFF(MICROSECOND, d.updated_at, NOW(3)) AS micros
       FROM ${readyRows(`t BIGINT UNSIGNED PATH '$[3]', i SMALLINT UNSIGNED PATH '$[4]'`)} AND r.lease_token = k.t
            STRAIGHT_JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = r.message_id AND d.consumer_id = r.consumer_id`;
  return { sql, values: [JSON.stringify(keys)] };
}

function settlementOf({ lease, end, reason }: Verdict, row: HeldRow, consumer: PullConsumer | undefined): Settlement {
  const { consumerId, rank, seq, token } = lease;
  const [attempt, attemptsBefore] = [row.attempts, row.attempts_before];
  const step = stepAfterLease(end, consumer?.retry ?? DEFAULT_RETRY, attempt - attemptsBefore, Math.random());
  return {
    claim: {
      consumerId,
      rank,
      seq,
      messageId: row.message_id,
      attempt,
      attemptsBefore,
      token,
      replay: row.replay,
      ...keyPlaceOf(row, consumer),
    },
    step,
    startedAtMs: row.began.getTime(),
    durationMs: Math.max(0, Math.round(Number(row.micros) / 1000)),
    httpCode: null,
    errorClass: step.to === 'delivered' ? null : step.errorClass,
    responseBody: reason,
  };
}

type Recorded = Map<string, { errorClass: ErrorClass | null; nextAttemptAt: Date | null }>;
const attemptOf = (messageId: Id, consumerId: number, number: number): string => `${messageId}/${consumerId}/${number}`;

async function readAttempts(database: Database, verdicts: readonly Verdict[]): Promise<Recorded> {
  if (verdicts.length === 0) return new Map();
  const rows = await database.query<
    { message_id: Id; consumer_id: number; number: number; error_class: ErrorClass | null; next_attempt_at: Date | null }[]
  >(
    `SELECT a.message_id, a.consumer_id, a.number, a.error_class, a.next_attempt_at
       FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]', c INT UNSIGNED PATH '$[1]', n SMALLINT UNSIGNED PATH '$[2]')) k
            STRAIGHT_JOIN attempt a FORCE INDEX (PRIMARY) ON a.message_id = k.m AND a.consumer_id = k.c AND a.number = k.n`,
    [JSON.stringify(verdicts.map(({ lease }) => [lease.messageId, lease.consumerId, lease.attempt]))],
  );
  return new Map(
    rows.map((row) => [
      attemptOf(row.message_id, row.consumer_id, row.number),
      { errorClass: row.error_class, nextAttemptAt: row.next_attempt_at },
    ]),
  );
}

const classAfter = { ack: null, nack: 'nacked', dead: 'rejected' } as const;

/** A verdict whose lease is not there any more: said before, or too late. */
function judge({ lease, end }: Verdict, recorded: Recorded): Judged {
  const attempt = recorded.get(attemptOf(lease.messageId, lease.consumerId, lease.attempt));
  if (!attempt || attempt.errorClass !== classAfter[end.kind]) return { kind: 'stale' };
  if (end.kind === 'ack') return { kind: 'repeated', to: 'delivered', nextAttemptAt: null };
  return { kind: 'repeated', to: attempt.nextAttemptAt ? 'retry' : 'dead', nextAttemptAt: attempt.nextAttemptAt };
}
