import type { LeaseKey } from '@app/domain';
import type { Changed, Database } from '../database.js';
import { byId, readyRows } from '../key-rows.js';

export interface Extension {
  lease: LeaseKey;
  /** From now on. */
  leaseMs: number;
}

/**
 * Moves the ends of leases, each fenced by its token: at most 500. A lease that ran out may be extended as long as nobody else has got the delivery.
 * Answers the new ends in the order of `extensions`; undefined for a lease that is not its holder's any more.
 */
export async function extendLeases(database: Database, extensions: readonly Extension[]): Promise<(Date | undefined)[]> {
  const keys = extensions
    .map(({ lease, leaseMs }, index) => [lease.consumerId, lease.rank, lease.seq, lease.token, leaseMs * 1000, index] as const)
    .toSorted((a, b) => a[0] - b[0] || a[1] - b[1] || byId(a[2], b[2]));
  const held = `${readyRows(`t BIGINT UNSIGNED PATH '$[3]', l BIGINT UNSIGNED PATH '$[4]', i SMALLINT UNSIGNED PATH '$[5]'`)} AND r.lease_token = k.t`;
  const json = JSON.stringify(keys);
  const [, rows] = await database.packets('extend', (packets) =>
    packets.commit<[Changed, { index: number; until: Date }[]]>(
      { sql: `UPDATE ${held} SET r.lease_until = NOW(3) + INTERVAL k.l MICROSECOND`, values: [json] },
      { sql: `SELECT k.i AS 'index', r.lease_until AS until FROM ${held}`, values: [json] },
    ),
  );
  const ends = new Map(rows.map(({ index, until }) => [index, until]));
  return extensions.map((_extension, index) => ends.get(index));
}
