import type { IngestConfig } from '@app/config';
import { type Database, type DatabaseOptions, openFit } from '@app/storage';

/**
 * The connections of an ingest process, DATABASE_POOL in all: up to eight are for publishing: they accept messages, look up keys and channels and keep the
 * process alive, and the rest serves reads and management, which, however slow and many they are, take none from publishing.
 */
export interface Databases {
  readonly publishing: Database;
  /** Shares the connections for packets. */
  readonly reads: Database;
  /** Of the server. */
  readonly version: string;
}

const PUBLISHING = 8;

/** Rejects as `openFit` does. */
export async function openDatabases(
  config: IngestConfig,
  listeners: Pick<DatabaseOptions, 'onRetry' | 'onConnection'>,
): Promise<Databases> {
  const { databaseUrl: url, databasePool, databaseTimeoutMs: statementTimeoutMs, databaseQueue: queue, maxBodyBytes } = config;
  const reading = Math.max(Math.ceil(databasePool / 4), databasePool - PUBLISHING);
  const { database: publishing, version } = await openFit(
    { url, poolSize: databasePool - reading, statementTimeoutMs, queue, ...listeners },
    maxBodyBytes,
  );
  try {
    return { publishing, reads: await publishing.beside(reading, { endsStatements: true }), version };
  } catch (error) {
    await publishing.close();
    throw error;
  }
}
