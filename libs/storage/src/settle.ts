import { deliveryStatusCode, type ErrorClass, type Id, type NextStep } from '@app/domain';
import type { Claimed } from './claim.js';
import type { Database } from './database.js';
import { expectRows, isFenced } from './fence.js';
import { changeConsumers, type ConsumerChange } from './health/consumer-changes.js';
import { insertEvents } from './health/events.js';
import { insertRows } from './insert-rows.js';
import { alike, byId, deliveryRows, type KeyColumn, readyRows } from './key-rows.js';
import { moveKeys } from './ordering/release.js';
import type { Statement } from './packets.js';

/** How an attempt went, beside its outcome. */
export interface AttemptTrace {
  /** null: on a connection that was there already, or it never came to that. */
  dnsMs: number | null;
  /** TLS included. */
  connectMs: number | null;
  /** From the beginning of the attempt to that of the response. */
  firstByteMs: number | null;
  /** JSON objects of texts, secrets masked, at most 64 KB each; of attempts that failed. */
  requestHeaders: string | null;
  responseHeaders: string | null;
}

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
  trace?: AttemptTrace;
  /** For so long nobody claims what is its consumer's; 0 or missing: it may go on. */
  holdMs?: number;
  /** What else it means for its consumer; missing: nothing. */
  changes?: readonly ConsumerChange[];
}

/** The process that settles: its number is kept with the attempts, its ids are those of events. */
export interface Settling {
  readonly number: number;
  mint: () => Id;
}

/**
 * Writes outcomes in one transaction of one round trip, each fenced by its claim's token. When a token no longer matches, the batch is rolled back and
 * settled one by one; those that somebody else owns now change nothing and are returned as `fenced`. May be repeated after an error of any kind: what
 * an earlier call wrote, although its answer was lost, is not fenced. Whatever waits behind one of them in its key is made ready when it has ended for good,
 * at the end of its lane.
 */
export async function settle(database: Database, batch: readonly Settlement[], node: Settling): Promise<{ fenced: Settlement[] }> {
  if (batch.length === 0) return { fenced: [] };
  try {
    await database.packets('settle', (packets) => packets.commit(...outcomes(batch, node.number, () => node.mint())));
    return { fenced: [] };
  } catch (error) {
    if (!isFenced(error)) throw error;
  }
  const [only] = batch;
  if (batch.length === 1) return { fenced: (await isWritten(database, only!)) ? [] : [only!] };
  const fenced: Settlement[] = [];
  for (const one of batch) fenced.push(...(await settle(database, [one], node)).fenced);
  return { fenced };
}

/** The number of an attempt belongs to one claim, and a claim that was lost leaves a row without a node. */
async function isWritten(database: Database, { claim }: Settlement): Promise<boolean> {
  const rows = await database.query<unknown[]>(
    'SELECT 1 FROM attempt FORCE INDEX (PRIMARY) WHERE message_id = ? AND consumer_id = ? AND number = ? AND node IS NOT NULL',
    [claim.messageId, claim.consumerId, claim.attempt],
  );
  return rows.length > 0;
}

/**
 * Writes outcomes, each once, behind a fence: fails as `isFenced` says unless every claim is still its holder's. `node`: the process whose attempts they
 * were; null for attempts that were lost. `mint` makes the ids of events: of deliveries that died, and of what became of their consumers.
 */
export function outcomes(batch: readonly Settlement[], node: number | null, mint: () => Id): Statement[] {
  const byLane = batch.toSorted(({ claim: a }, { claim: b }) => a.consumerId - b.consumerId || a.rank - b.rank || byId(a.seq, b.seq));
  const ordered = batch.toSorted((a, b) => byId(a.claim.messageId, b.claim.messageId) || a.claim.consumerId - b.claim.consumerId);
  return [
    ...endLeases(byLane),
    ...updateDeliveries(byLane),
    ...insertRetries(ordered),
    ...insertDeadLetters(ordered, mint),
    insertAttempts(ordered, node),
    ...changeConsumers(batch, mint),
    ...moveKeys(batch, mint),
  ];
}

const LEASE_KEY: readonly KeyColumn<Settlement>[] = [
  ['r.consumer_id', ({ claim }) => claim.consumerId],
  ['r.prio_rank', ({ claim }) => claim.rank],
  ['r.lease_token', ({ claim }) => claim.token],
  ['r.seq', ({ claim }) => claim.seq],
];

/** Each behind its token, and each statement behind the number of its rows. */
function endLeases(byLane: readonly Settlement[]): Statement[] {
  const { lists, rest } = alike(byLane, () => true, LEASE_KEY);
  const statements = lists.flatMap(({ rows, where }) => [
    { sql: `DELETE r FROM ready r FORCE INDEX (PRIMARY) WHERE ${where.sql}`, values: where.values },
    expectRows(rows.length),
  ]);
  if (rest.length === 0) return statements;
  const keys = rest.map(({ claim }) => [claim.consumerId, claim.rank, claim.seq, claim.token]);
  const sql = `DELETE r FROM ${readyRows(`t BIGINT UNSIGNED PATH '$[3]'`)} AND r.lease_token = k.t`;
  return [...statements, { sql, values: [JSON.stringify(keys)] }, expectRows(rest.length)];
}

const statusAfter = {
  delivered: deliveryStatusCode('delivered'),
  retry: deliveryStatusCode('retry-delivery'),
  dead: deliveryStatusCode('dead'),
};
const delayOf = (step: NextStep): number | null => (step.to === 'retry' ? step.delayMs * 1000 : null);

const DELIVERY_KEY: readonly KeyColumn<Settlement>[] = [
  ['d.consumer_id', ({ claim }) => claim.consumerId],
  ['d.message_id', ({ claim }) => claim.messageId],
];

function updateDeliveries(byLane: readonly Settlement[]): Statement[] {
  const delivered = byLane.filter(({ step, errorClass }) => step.to === 'delivered' && errorClass === null);
  const { lists, rest: few } = alike(delivered, (a, b) => a.httpCode === b.httpCode, DELIVERY_KEY);
  const rest = [...few, ...byLane.filter(({ step, errorClass }) => step.to !== 'delivered' || errorClass !== null)];
  const statements = lists.map(({ rows: [first], where }) => ({
    sql: `UPDATE delivery d FORCE INDEX (PRIMARY)
        SET d.status = ?, d.http_code = ?, d.error_class = NULL, d.next_attempt_at = NULL, d.updated_at = NOW(3) WHERE ${where.sql}`,
    values: [statusAfter.delivered, first!.httpCode ?? 0, ...where.values],
  }));
  if (rest.length === 0) return statements;
  const rows = rest
    .map(
      ({ claim, step, httpCode, errorClass }) =>
        [claim.messageId, claim.consumerId, statusAfter[step.to], httpCode, errorClass, delayOf(step)] as const,
    )
    .toSorted((a, b) => byId(a[0], b[0]) || a[1] - b[1]);
  const sql = `UPDATE ${deliveryRows(`st TINYINT UNSIGNED PATH '$[2]', h SMALLINT UNSIGNED PATH '$[3]', e VARCHAR(30) PATH '$[4]', w BIGINT UNSIGNED PATH '$[5]'`)}
        SET d.status = k.st, d.http_code = COALESCE(k.h, 0), d.error_class = k.e, d.next_attempt_at = NOW(3) + INTERVAL k.w MICROSECOND, d.updated_at = NOW(3)`;
  return [...statements, { sql, values: [JSON.stringify(rows)] }];
}

function insertRetries(batch: readonly Settlement[]): Statement[] {
  const rows = batch.flatMap(({ claim, step }) =>
    step.to === 'retry'
      ? [
          [
            delayOf(step),
            claim.messageId,
            claim.consumerId,
            claim.rank,
            claim.attempt,
            claim.attemptsBefore + Number(step.spared ?? false),
            claim.replay ?? '0',
            claim.key?.hash ?? null,
            claim.key?.seq ?? null,
          ],
        ]
      : [],
  );
  if (rows.length === 0) return [];
  const sql = `INSERT INTO retry (due_at, message_id, consumer_id, prio_rank, attempts, attempts_before, replay, key_hash, key_seq)
     SELECT NOW(3) + INTERVAL k.w MICROSECOND, k.m, k.c, k.p, k.n, k.b, k.y, k.h, k.q
       FROM JSON_TABLE(?, '$[*]' COLUMNS (w BIGINT UNSIGNED PATH '$[0]', m BIGINT UNSIGNED PATH '$[1]', c INT UNSIGNED PATH '$[2]',
            p TINYINT UNSIGNED PATH '$[3]', n SMALLINT UNSIGNED PATH '$[4]', b SMALLINT UNSIGNED PATH '$[5]', y BIGINT UNSIGNED PATH '$[6]',
            h BIGINT UNSIGNED PATH '$[7]', q BIGINT UNSIGNED PATH '$[8]')) k`;
  return [{ sql, values: [JSON.stringify(rows)] }];
}

function insertDeadLetters(batch: readonly Settlement[], mint: () => Id): Statement[] {
  const dead = batch.flatMap(({ claim, step, httpCode, startedAtMs, durationMs }) =>
    step.to === 'dead' && step.reason !== 'test-failed'
      ? [{ claim, reason: step.reason, errorClass: step.errorClass, httpCode, at: new Date(startedAtMs + durationMs) }]
      : [],
  );
  if (dead.length === 0) return [];
  const rows = dead.map(({ claim, reason }) => [claim.consumerId, claim.messageId, reason, claim.replay ?? '0']);
  const events = dead.map(({ claim: { consumerId, messageId: message, attempt: attempts }, at, ...why }) => ({
    id: mint(),
    consumerId,
    event: { type: 'delivery.dead', message, attempts, ...why } as const,
    at,
  }));
  const sql = 'INSERT INTO dead_letter (consumer_id, message_id, reason, replay) VALUES ?';
  return [{ sql, values: [rows] }, ...insertEvents(events)];
}

const ATTEMPT = [
  'message_id',
  'consumer_id',
  'number',
  'node',
  'started_at',
  'duration_ms',
  'http_code',
  'error_class',
  'next_attempt_at',
  'response_body',
  'dns_ms',
  'connect_ms',
  'first_byte_ms',
  'request_headers',
  'response_headers',
];

function insertAttempts(batch: readonly Settlement[], node: number | null): Statement {
  const rows = batch.map((s) => [
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
    s.trace?.dnsMs ?? null,
    s.trace?.connectMs ?? null,
    s.trace?.firstByteMs ?? null,
    s.trace?.requestHeaders ?? null,
    s.trace?.responseHeaders ?? null,
  ]);
  return insertRows('attempt', ATTEMPT, rows);
}
