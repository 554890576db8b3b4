import { randomBytes } from 'node:crypto';
import { pendingMigrations } from './migrate.js';
import type { Database } from './database.js';
import { expectRows, isFenced } from './fence.js';

/** What this server cannot do, or is set so that Posthorn cannot keep its promises on it. */
export class UnfitDatabaseError extends Error {
  constructor(problem: string) {
    super(`This database cannot carry Posthorn: ${problem}`);
    this.name = 'UnfitDatabaseError';
  }
}

/** The migration has not run yet, or not to its end. */
export class SchemaBehindError extends Error {
  constructor(problem: string) {
    super(`${problem}; run "npm run migrate"`);
    this.name = 'SchemaBehindError';
  }
}

/**
 * Proves at start-up what everything rests on: SKIP LOCKED skips locked rows and returns free ones (some servers accept the words and ignore them),
 * JSON_TABLE exists, a fence in the middle of a packet undoes it, connections are READ COMMITTED and in UTC, and packets are large enough for the largest payload.
 */
export async function selfTest(database: Database, maxBodyBytes = 0): Promise<{ version: string }> {
  const [server] = await database.query<{ version: string; zone: string; packet: string }[]>(
    'SELECT VERSION() AS version, @@session.time_zone AS zone, @@global.max_allowed_packet AS packet',
  );
  if (server!.zone !== '+00:00') throw new UnfitDatabaseError(`the session time zone is ${server!.zone}, not +00:00`);
  const needed = 2 * Math.max(maxBodyBytes, 4 * 1024 * 1024) + 1024 * 1024;
  if (Number(server!.packet) < needed) {
    throw new UnfitDatabaseError(`max_allowed_packet is ${server!.packet}; MAX_BODY_BYTES=${maxBodyBytes} needs at least ${needed}`);
  }
  await isolation(database);
  const keys = await database
    .query<{ k: string }[]>(`SELECT k FROM JSON_TABLE(?, '$[*]' COLUMNS (k BIGINT UNSIGNED PATH '$[0]')) t`, ['[["18446744073709551615"]]'])
    .catch(() => []);
  if (keys[0]?.k !== '18446744073709551615')
    throw new UnfitDatabaseError('JSON_TABLE does not work (MySQL 8.0.31 or MariaDB 10.6 is needed)');
  await skipLocked(database);
  await fence(database);
  return { version: server!.version };
}

async function isolation(database: Database): Promise<void> {
  const rows = await database.query<{ Value: string }[]>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')`,
  );
  if (!rows.some((row) => row.Value === 'READ-COMMITTED')) throw new UnfitDatabaseError('connections cannot be set to READ COMMITTED');
}

async function skipLocked(database: Database): Promise<void> {
  const id = randomBytes(16).toString('hex');
  const select = 'SELECT id FROM self_test WHERE id = ? FOR UPDATE SKIP LOCKED';
  await database.query('INSERT INTO self_test (id) VALUES (?)', [id]);
  try {
    await database.transaction('self-test', async (holder) => {
      await holder.query('SELECT id FROM self_test WHERE id = ? FOR UPDATE', [id]);
      const seen = await database.transaction('self-test', (other) => other.query<unknown[]>(select, [id]));
      if (seen.length > 0) throw new UnfitDatabaseError('SKIP LOCKED returned a row that another transaction has locked');
    });
    const free = await database.transaction('self-test', (session) => session.query<unknown[]>(select, [id]));
    if (free.length !== 1) throw new UnfitDatabaseError('SKIP LOCKED did not return a free row');
  } finally {
    await database.query('DELETE FROM self_test WHERE id = ?', [id]);
  }
}

async function fence(database: Database): Promise<void> {
  const id = randomBytes(16).toString('hex');
  const insert = { sql: 'INSERT INTO self_test (id) VALUES (?)', values: [id] };
  const passed = (expected: number): Promise<boolean> =>
    database
      .packets('self-test', (packets) => packets.commit(insert, expectRows(expected)))
      .then(
        () => true,
        (error: unknown) => (isFenced(error) ? false : Promise.reject(error)),
      );
  try {
    if (await passed(2)) throw new UnfitDatabaseError('a fence does not end a transaction whose rows somebody else owns');
    if (!(await passed(1))) throw new UnfitDatabaseError('a fence ends a transaction that owns its rows');
  } finally {
    await database.query('DELETE FROM self_test WHERE id = ?', [id]);
  }
}

/** Throws {@link SchemaBehindError} or {@link UnfitDatabaseError}. Returns the server's version. */
export async function assertFit(database: Database, maxBodyBytes = 0): Promise<string> {
  const pending = await pendingMigrations(database);
  if (pending.length > 0) throw new SchemaBehindError(`the schema is behind by ${pending.join(', ')}`);
  return (await selfTest(database, maxBodyBytes)).version;
}

/** What a process cannot do without, for its readiness probe. */
export const databaseChecks = (database: Database): { name: string; check: () => Promise<void> }[] => [
  { name: 'database', check: async () => void (await database.query('SELECT 1')) },
  {
    name: 'schema',
    check: async () => {
      const pending = await pendingMigrations(database);
      if (pending.length > 0) throw new Error(`migrations have not run: ${pending.join(', ')}`);
    },
  },
  {
    name: 'writes',
    check: async () => {
      const { refusal } = database;
      if (refusal) throw new Error(`the server refuses to write: ${refusal instanceof Error ? refusal.message : 'it does not say why'}`);
    },
  },
];
