import { deliveryStatusCode, type ErrorClass, type NextStep } from '@app/domain';
import type { Claimed } from './claim.js';
import type { Database, Session } from './database.js';
import { byId, deliveryRows, readyRows } from './key-rows.js';

/** What became of a claim. */
export interface Settlement {
  claim: Claimed;
  step: NextStep;
  /** Unix ms, this process's clock. */
  startedAtMs: number;
  durationMs: number;
  httpCode: number | null;
  errorClass: ErrorClass | null;
  /** The first bytes of the answer, at most 4096; kept for attempts that failed. */
  responseBody: Buffer | null;
}

/** Thrown inside the transaction to undo it when not every claim is still ours. */
class FencedError extends Error {}

/**
 * Writes outcomes in one transaction, each fenced by its claim's token. When a token no longer matches, the batch is rolled back and settled one by
 * one; those that somebody else owns now change nothing and are returned as `fenced`. May be repeated after an error of any kind.
 */
export async function settle(database: Database, batch: readonly Settlement[], node: number): Promise<{ fenced: Settlement[] }> {
  if (batch.length === 0) return { fenced: [] };
  try {
    await database.transaction('settle', (session) => write(session, batch, node));
    return { fenced: [] };
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
  }
  if (batch.length === 1) return { fenced: [...batch] };
  const fenced: Settlement[] = [];
  for (const one of batch) fenced.push(...(await settle(database, [one], node)).fenced);
  return { fenced };
}

async function write(session: Session, batch: readonly Settlement[], node: number): Promise<void> {
  const byLane = batch
    .map(({ claim }) => [claim.consumerId, claim.rank, claim.seq, claim.token] as const)
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1] || byId(a[2], b[2]));
  const { affectedRows } = await session.query(`DELETE r FROM ${readyRows(`t BIGINT UNSIGNED PATH '$[3]'`)} AND r.lease_token = k.t`, [
    JSON.stringify(byLane),
  ]);
  if (affectedRows !== batch.length) throw new FencedError();

  const ordered = batch.toSorted((a, b) => byId(a.claim.messageId, b.claim.messageId) || a.claim.consumerId - b.claim.consumerId);
  await updateDeliveries(session, ordered);
  await insertRetries(session, ordered);
  await insertDeadLetters(session, ordered);
  await insertAttempts(session, ordered, node);
}

const statusAfter = {
  delivered: deliveryStatusCode('delivered'),
  retry: deliveryStatusCode('retry-delivery'),
  dead: deliveryStatusCode('dead'),
};
const delayOf = (step: NextStep): number | null => (step.to === 'retry' ? step.delayMs * 1000 : null);

async function updateDeliveries(session: Session, batch: readonly Settlement[]): Promise<void> {
  const rows = batch.map(({ claim, step, httpCode, errorClass }) => [
    claim.messageId,
    claim.consumerId,
    statusAfter[step.to],
    httpCode,
    errorClass,
    delayOf(step),
  ]);
  await session.query(
    `UPDATE ${deliveryRows(`st TINYINT UNSIGNED PATH '$[2]', h SMALLINT UNSIGNED PATH '$[3]', e VARCHAR(30) PATH '$[4]', w BIGINT UNSIGNED PATH '$[5]'`)}
        SET d.status = k.st, d.http_code = k.h, d.error_class = k.e, d.next_attempt_at = NOW(3) + INTERVAL k.w MICROSECOND, d.updated_at = NOW(3)`,
    [JSON.stringify(rows)],
  );
}

async function insertRetries(session: Session, batch: readonly Settlement[]): Promise<void> {
  const rows = batch.flatMap(({ claim, step }) =>
    step.to === 'retry' ? [[delayOf(step), claim.messageId, claim.consumerId, claim.rank, claim.attempt, claim.attemptsBefore]] : [],
  );
  if (rows.length === 0) return;
  await session.query(
    `INSERT INTO retry (due_at, message_id, consumer_id, prio_rank, attempts, attempts_before)
     SELECT NOW(3) + INTERVAL k.w MICROSECOND, k.m, k.c, k.p, k.n, k.b
       FROM JSON_TABLE(?, '$[*]' COLUMNS (w BIGINT UNSIGNED PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]', c INT UNSIGNED PATH '$[2]',
            p TINYINT UNSIGNED PATH '$[3]', n SMALLINT UNSIGNED PATH '$[4]', b SMALLINT UNSIGNED PATH '$[5]')) k`,
    [JSON.stringify(rows)],
  );
}

async function insertDeadLetters(session: Session, batch: readonly Settlement[]): Promise<void> {
  const dead = batch.flatMap(({ claim, step }) => (step.to === 'dead' ? [{ claim, step }] : []));
  if (dead.length === 0) return;
  await session.query('INSERT INTO dead_letter (consumer_id, message_id, reason) VALUES ?', [
    dead.map(({ claim, step }) => [claim.consumerId, claim.messageId, step.reason]),
  ]);
  const gone = [...new Set(dead.filter(({ step }) => step.disableConsumer).map(({ claim }) => claim.consumerId))].toSorted((a, b) => a - b);
  if (gone.length === 0) return;
  await session.query(
    `UPDATE consumer SET disabled_at = NOW(3), disabled_reason = 'gone', version = version + 1, updated_at = NOW(3) WHERE id IN (?) AND disabled_at IS NULL`,
    [gone],
  );
}

async function insertAttempts(session: Session, batch: readonly Settlement[], node: number): Promise<void> {
  await session.query(
    `INSERT INTO attempt (message_id, consumer_id, number, node, started_at, duration_ms, http_code, error_class, next_attempt_at, response_body) VALUES ?`,
    [
      batch.map((s) => [
        s.claim.messageId,
        s.claim.consumerId,
        s.claim.attempt,
        node,
        new Date(s.startedAtMs),
        s.durationMs,
        s.httpCode,
        s.errorClass,
        s.step.to === 'retry' ? new Date(s.startedAtMs + s.durationMs + s.step.delayMs) : null,
        s.responseBody,
      ]),
    ],
  );
}
