import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.js';
import { driverError } from './errors.js';
import { daysAhead, partitionDefinition, partitionName, PARTITIONED } from './partition-names.js';

const LOCK_TRIES = 5;

/**
 * Makes the day partitions up to a week ahead that are not there yet and returns their names (`message.p20261128`). Splitting `p_future` waits
 * for transactions that use the table and blocks new ones meanwhile: it gives up after 1 s, five times, and the next run tries again.
 */
export async function makePartitions(database: Database, nowMs = Date.now()): Promise<string[]> {
  const made: string[] = [];
  for (const [table] of PARTITIONED) {
    const rows = await database.query<{ name: string }[]>(
      `SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`,
      [table],
    );
    const last =
      rows
        .map((row) => row.name)
        .filter((name) => name !== 'p_future')
        .toSorted()
        .at(-1) ?? '';
    const missing = daysAhead(nowMs, nowMs).filter((day) => partitionName(day) > last);
    if (missing.length === 0) continue;
    await split(database, table, missing);
    made.push(...missing.map((day) => `${table}.${partitionName(day)}`));
  }
  return made;
}

async function split(database: Database, table: string, days: readonly number[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await database.pinned(async (session) => {
        await session.query('SET SESSION lock_wait_timeout = 1');
        await session.query(
          `ALTER TABLE ${table} REORGANIZE PARTITION p_future INTO (${days.map(partitionDefinition).join(', ')}, PARTITION p_future VALUES LESS THAN MAXVALUE)`,
        );
      });
      return;
    } catch (error) {
      if (driverError(error).errno !== 1205 || tries === LOCK_TRIES) throw error;
      await sleep(200 + Math.random() * 800);
    }
  }
}
