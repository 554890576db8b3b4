import { randomBytes } from 'node:crypto';
import { Database, type DatabaseOptions, migrate } from '@app/storage';

/** Tests look at the database, they do not measure it. */
const PATIENCE_MS = 60_000;

/** The server that the tests run against; `npm test` sets it. */
export function serverUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (!url) throw new Error('TEST_DATABASE_URL is not set; run the tests with "npm test"');
  return url.replace(/\/$/, '');
}

export interface TestDatabase {
  url: string;
  database: Database;
  /** Closes and drops it. */
  drop(): Promise<void>;
}

/** A fresh, migrated database of its own on `server`. */
export async function freshDatabase(options: Partial<DatabaseOptions> & { server?: string } = {}): Promise<TestDatabase> {
  const url = new URL(options.server ?? serverUrl());
  const name = `posthorn_test_${randomBytes(6).toString('hex')}`;
  url.pathname = `/${name}`;
  await migrate(url.href);
  const database = await Database.open({ poolSize: 12, statementTimeoutMs: PATIENCE_MS, ...options, url: url.href });
  return {
    url: url.href,
    database,
    drop: async () => {
      await database.query(`DROP DATABASE ${name}`);
      await database.close();
    },
  };
}
