import { deliveryStatusCode } from '@app/domain';
import type { Claimed } from './claim.js';
import type { Database } from './database.js';
import { byId, deliveryRows, readyRows } from './key-rows.js';

/**
 * Ends claims without an attempt, as if they had never been made: for deliveries that were claimed but not posted. Fenced: a claim that somebody else
 * owns now is left alone. Returns how many were given back.
 */
export async function giveBack(database: Database, claims: readonly Claimed[]): Promise<number> {
  let given = 0;
  for (const claim of claims.toSorted((a, b) => a.consumerId - b.consumerId || a.rank - b.rank || byId(a.seq, b.seq))) {
    given += await database.transaction('give-back', async (session) => {
      const { affectedRows } = await session.query(
        `UPDATE ${readyRows()} AND r.lease_token = ?
            SET r.lease_until = '2000-01-01', r.lease_token = 0, r.attempts = r.attempts - 1`,
        [JSON.stringify([[claim.consumerId, claim.rank, claim.seq]]), claim.token],
      );
      if (affectedRows === 0) return 0;
      const retried = claim.attempt > claim.attemptsBefore + 1;
      const status = deliveryStatusCode(retried ? 'retry-delivery' : 'queued');
      await session.query(`UPDATE ${deliveryRows()} SET d.status = ?, d.attempts = d.attempts - 1, d.updated_at = NOW(3)`, [
        JSON.stringify([[claim.messageId, claim.consumerId]]),
        status,
      ]);
      return 1;
    });
  }
  return given;
}
