import mysql2 from 'mysql2';
import { DataSource, type Logger } from 'typeorm';
import { Connections } from './connections.js';
import { migrations } from './migrations/index.js';
import { openConnection, streamOf } from './open-connection.js';
import type { Refusals } from './refusals.js';
import { entities } from './registry/entities.js';

export interface ConnectionOptions {
  /** `mysql://user:password@host:port/database` */
  url: string;
  /** Longest that one statement or packet may take before its connection is given up, and longest wait for a free connection, ms. Default 10 000. */
  statementTimeoutMs?: number;
  /** Callers that may wait for a free connection. Default 1000. */
  queue?: number;
  /** Whether the server, too, ends a statement that takes that long: for reads of any size. Default false. */
  endsStatements?: boolean;
  /** Called with 1 for each connection that was opened, and with -1 when it is closed. */
  onConnection?: (change: 1 | -1) => void;
}

export const STATEMENT_TIMEOUT_MS = 10_000;
const QUEUE = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Every connection is READ COMMITTED (REPEATABLE READ deadlocks under small moves: docs/decisions/0002), speaks UTC, and waits for no lock without end. */
function sessionOf({ statementTimeoutMs = STATEMENT_TIMEOUT_MS, endsStatements = false }: ConnectionOptions): string[] {
  const seconds = Math.ceil(statementTimeoutMs / 1000);
  const lockSeconds = Math.min(5, Math.ceil(seconds / 2));
  // MySQL ends SELECTs by the first, in ms, MariaDB any statement by the second, in seconds; each takes the other's for a comment.
  const ends = `/*!80000 , max_execution_time = ${statementTimeoutMs} */ /*M!100600 , max_statement_time = ${seconds} */`;
  return [
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    `SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = ${lockSeconds}, lock_wait_timeout = ${seconds} ${endsStatements ? ends : ''}`,
  ];
}

/** Up to `size` connections, none of them made yet. `packets`: each may be sent several statements at once. */
export function connectionsTo(options: ConnectionOptions, size: number, refusals: Refusals, packets = false): Connections {
  const { queue = QUEUE, statementTimeoutMs: waitMs = STATEMENT_TIMEOUT_MS } = options;
  const url = new URL(options.url);
  const tls = url.searchParams.get('ssl') === 'true';
  url.search = '';
  const driverOptions = {
    uri: url.href,
    supportBigNumbers: true,
    bigNumberStrings: true,
    stringifyObjects: true,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, waitMs),
    ssl: tls ? { rejectUnauthorized: true } : undefined,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    multipleStatements: packets,
  };
  return new Connections({ size, queue, waitMs }, refusals, async () => {
    const connection = await openConnection(driverOptions, sessionOf(options));
    options.onConnection?.(1);
    streamOf(connection).once('close', () => options.onConnection?.(-1));
    return connection;
  });
}

const nothing = (): void => undefined;
/** TypeORM's own loggers print slow statements with their values whatever they are told, and values are payloads and secrets. */
const silent: Logger = {
  logQuery: nothing,
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
};

/** TypeORM over these connections. Rejects with `NoConnectionError` when none can be made. */
export function openDataSource(options: ConnectionOptions, connections: Connections): Promise<DataSource> {
  const dataSource = new DataSource({
    type: 'mysql',
    url: options.url,
    driver: { ...mysql2, createPool: () => connections },
    timezone: 'Z',
    maxQueryExecutionTime: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    enableQueryTimeout: true,
    logger: silent,
    entities,
    migrations,
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'none',
    synchronize: false,
  });
  return dataSource.initialize();
}
