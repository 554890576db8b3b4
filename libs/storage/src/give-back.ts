import { deliveryStatusCode } from '@app/domain';
import type { Claimed } from './claim.js';
import type { Database } from './database.js';
import { expectRows, isFenced } from './fence.js';
import { byId, deliveryRows, readyRows } from './key-rows.js';
import type { Statement } from './packets.js';

/**
 * Ends claims without an attempt, as if they had never been made: for deliveries that were claimed but not attempted. All in one transaction unless one
 * is fenced: a claim that somebody else owns now is left alone. Returns how many were given back.
 */
export async function giveBack(database: Database, claims: readonly Claimed[]): Promise<number> {
  if (claims.length === 0) return 0;
  try {
    await database.packets('give-back', (packets) => packets.commit(...returns(claims)));
    return claims.length;
  } catch (error) {
    if (!isFenced(error)) throw error;
  }
  if (claims.length === 1) return 0;
  let given = 0;
  for (const one of claims) given += await giveBack(database, [one]);
  return given;
}

function returns(claims: readonly Claimed[]): Statement[] {
  const byLane = claims
    .map((claim) => [claim.consumerId, claim.rank, claim.seq, claim.token] as const)
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1] || byId(a[2], b[2]));
  const [queued, retried] = [deliveryStatusCode('queued'), deliveryStatusCode('retry-delivery')];
  const byMessage = claims
    .map((claim) => [claim.messageId, claim.consumerId, claim.attempt > claim.attemptsBefore + 1 ? retried : queued] as const)
    .toSorted((a, b) => byId(a[0], b[0]) || a[1] - b[1]);
  return [
    {
      sql: `UPDATE ${readyRows(`t BIGINT UNSIGNED PATH '$[3]'`)} AND r.lease_token = k.t
        SET r.lease_until = '2000-01-01', r.lease_token = 0, r.attempts = r.attempts - 1`,
      values: [JSON.stringify(byLane)],
    },
    expectRows(claims.length),
    {
      sql: `UPDATE ${deliveryRows(`st TINYINT UNSIGNED PATH '$[2]'`)} SET d.status = k.st, d.attempts = d.attempts - 1, d.updated_at = NOW(3)`,
      values: [JSON.stringify(byMessage)],
    },
  ];
}
