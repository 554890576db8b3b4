import type { Id, ProbeState } from '@app/domain';
import {
  type ClaimResult,
  failingOf,
  isLost,
  mark,
  OPEN_CONSUMER,
  READY_COLUMNS,
  type OpenConsumerRow,
  type ReadyRow,
  recordLost,
  take,
} from '../claim.js';
import type { Changed, Database } from '../database.js';
import { NOT_ASKED_TO_WAIT } from '../key-rows.js';
import { messagesById, type Outgoing } from '../load-messages.js';

/** The right to try one delivery of a consumer whose breaker is open. It runs out with the lease of the delivery. */
export interface Probe extends ProbeState {
  consumerId: number;
  /** Of the claim. */
  token: Id;
  /** When the breaker opened. */
  openedAt: Date | null;
}

const MAY_BE_PROBED = `c.breaker_until <= NOW(3) AND c.paused_at IS NULL AND c.disabled_at IS NULL AND c.type = 'push'${NOT_ASKED_TO_WAIT}`;

/** Up to `limit` push consumers that something waits for, and whose breaker has been open long enough or whose probe was lost: the longest due first. */
export async function dueProbes(database: Database, limit: number): Promise<number[]> {
  const rows = await database.query<{ id: number }[]>(
    `SELECT c.id FROM consumer c FORCE INDEX (consumer_by_breaker)
      WHERE ${MAY_BE_PROBED}
        AND (SELECT 1 FROM ready r FORCE INDEX (PRIMARY) WHERE r.consumer_id = c.id AND r.lease_until <= NOW(3) LIMIT 1) IS NOT NULL
      ORDER BY c.breaker_until LIMIT ?`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

type ProbedRow = OpenConsumerRow & ProbeState & { openedAt: Date | null };

/**
 * Takes the right to probe and the row at the head of the lane in one transaction of two round trips. Of several processes that try at the same time one gets
 * it; the others, and everybody if nothing is due any more, get undefined. Whoever dies with it loses it after `leaseMs`.
 */
export function claimProbe(
  database: Database,
  consumerId: number,
  leaseMs: number,
  token: Id,
): Promise<(ClaimResult & { probe: Probe }) | undefined> {
  return database.packets('probe', async (packets) => {
    const [, [consumer], [row]] = await packets.send<[Changed, ProbedRow[], ReadyRow[]]>(
      {
        sql: `UPDATE consumer c FORCE INDEX (PRIMARY) SET c.breaker_until = NOW(3) + INTERVAL ? MICROSECOND, c.breaker_probe = ? WHERE c.id = ? AND ${MAY_BE_PROBED}`,
        values: [leaseMs * 1000, token, consumerId],
      },
      {
        sql: `SELECT ${OPEN_CONSUMER}, c.breaker_openings AS openings, c.breaker_passed AS passed, c.breaker_opened_at AS openedAt
          FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id WHERE c.id = ? AND c.breaker_probe = ?`,
        values: [consumerId, token],
      },
      {
        sql: `SELECT ${READY_COLUMNS} FROM ready FORCE INDEX (PRIMARY)
          WHERE consumer_id = (SELECT c.id FROM consumer c FORCE INDEX (PRIMARY) WHERE c.id = ? AND c.breaker_probe = ?) AND lease_until <= NOW(3)
          ORDER BY consumer_id, prio_rank, seq LIMIT 1 FOR UPDATE SKIP LOCKED`,
        values: [consumerId, token],
      },
    );
    // Without a row nothing is committed: the right stays where it was.
    if (!consumer || !row) return undefined;
    const claimed = take(row, consumerId, token, consumer);
    const lost = isLost(row) ? [claimed] : [];
    const [messages] = await packets.commit<[Outgoing[]]>(
      messagesById([claimed.messageId]),
      ...mark([{ ...claimed, leaseMs }]),
      ...recordLost(lost),
    );
    const { version, openings, passed, openedAt } = consumer;
    return {
      claimed: [claimed],
      messages: new Map(messages.map((message) => [message.id, message])),
      rescued: lost.length,
      versions: new Map([[consumerId, version]]),
      failing: failingOf([consumer]),
      probe: { consumerId, token, openings, passed, openedAt },
    };
  });
}

/** Gives the right back unused: anybody may take it at once. */
export async function releaseProbe(database: Database, { consumerId, token }: Probe): Promise<void> {
  await database.query('UPDATE consumer SET breaker_until = NOW(3), breaker_probe = NULL WHERE id = ? AND breaker_probe = ?', [
    consumerId,
    token,
  ]);
}

/** How many breakers are open or half-open, and how many consumers are known to fail: one step in an index and a look at each consumer. */
export async function troubledConsumers(database: Database): Promise<{ open: number; failing: number }> {
  const [row] = await database.query<{ open: string; failing: string }[]>(
    `SELECT (SELECT COUNT(*) FROM consumer FORCE INDEX (consumer_by_breaker) WHERE breaker_until IS NOT NULL) AS open,
            (SELECT COUNT(*) FROM consumer WHERE failing_since IS NOT NULL AND disabled_at IS NULL) AS failing`,
  );
  return { open: Number(row!.open), failing: Number(row!.failing) };
}
