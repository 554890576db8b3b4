import { Database } from './database.js';
import { migrations } from './migrations/index.js';

const LOCK_SECONDS = 300;

/**
 * Brings the schema up to date, once: a second call at the same time waits (up to 5 minutes) and finds nothing to do. Creates the database when it
 * does not exist and the user may. Returns the names of the migrations that ran.
 */
export async function migrate(url: string): Promise<string[]> {
  await createDatabase(url);
  const database = await Database.open({ url, poolSize: 4, statementTimeoutMs: 3_600_000 });
  try {
    return await database.pinned(async (session) => {
      const name = `posthorn.migrate.${new URL(url).pathname.slice(1)}`.slice(0, 64);
      const [lock] = await session.query<{ held: string | null }[]>('SELECT GET_LOCK(?, ?) AS held', [name, LOCK_SECONDS]);
      if (Number(lock?.held) !== 1) throw new Error('another migration of this database has been running for more than 5 minutes');
      const ran = await database.dataSource.runMigrations();
      return ran.map((migration) => migration.name);
    });
  } finally {
    await database.close();
  }
}

async function createDatabase(url: string): Promise<void> {
  const server = new URL(url);
  const name = decodeURIComponent(server.pathname.slice(1));
  if (!/^[A-Za-z0-9_$-]{1,64}$/.test(name)) throw new Error('DATABASE_URL must end in /<database>, 1 to 64 letters, digits, _, $ or -');
  server.pathname = '/information_schema';
  const database = await Database.open({ url: server.href, poolSize: 1 });
  try {
    const found = await database.query<unknown[]>('SELECT 1 FROM SCHEMATA WHERE SCHEMA_NAME = ?', [name]);
    if (found.length === 0) await database.query(`CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  } finally {
    await database.close();
  }
}

/** Migrations that this program has and the database has not; a database that is ahead (a newer version is being rolled out) is fine. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const [table] = await database.query<unknown[]>(
    `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'migration'`,
  );
  const rows = table ? await database.query<{ name: string }[]>('SELECT name FROM migration') : [];
  const ran = new Set(rows.map((row) => row.name));
  return migrations.map((migration) => migration.name).filter((name) => !ran.has(name));
}
