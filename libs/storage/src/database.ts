import mysql2 from 'mysql2';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, type EntityManager, type QueryRunner } from 'typeorm';
import { CommitUnknownError, DatabaseError, driverError, isRetryable, isUnavailable } from './errors.js';
import { migrations } from './migrations/index.js';
import { entities } from './registry/entities.js';

/** What a statement that changes rows answers. `affectedRows` counts the rows that matched. */
export interface Changed {
  affectedRows: number;
  insertId: number;
}

/** Runs one statement; values are bound, never spliced. */
export interface Session {
  query<T = Changed>(sql: string, values?: readonly unknown[]): Promise<T>;
}

/** What runs in a transaction. `manager` is for the registry tables: `insert`, `update`, `delete` and finds, never `save`, which begins one itself. */
type Work<T> = (session: Session, manager: EntityManager) => Promise<T>;

export interface DatabaseOptions {
  /** `mysql://user:password@host:port/database` */
  url: string;
  poolSize: number;
  /** Longest that one statement may take before its connection is given up, in ms. Default 60 000. */
  statementTimeoutMs?: number;
  /** Called each time a whole transaction is run again. */
  onRetry?: (transaction: string, code: string) => void;
}

const MAX_RUNS = 8;
const SESSION = `SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5`;

/** Every new connection is READ COMMITTED (REPEATABLE READ deadlocks under small moves: docs/decisions/0002) and speaks UTC. */
const driver = {
  ...mysql2,
  createPool: (options: mysql2.PoolOptions): mysql2.Pool => {
    const pool = mysql2.createPool(options);
    pool.on('connection', (connection) => {
      // The driver runs a connection's statements in order, so these come before the first one of its user.
      connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', (error) => error && connection.destroy());
      connection.query(SESSION, (error) => error && connection.destroy());
    });
    return pool;
  },
};

/** How every connection of Posthorn is made. */
export function dataSourceOptions(options: DatabaseOptions): DataSourceOptions {
  const url = new URL(options.url);
  const tls = url.searchParams.get('ssl') === 'true';
  url.search = '';
  return {
    type: 'mysql',
    url: url.href,
    driver,
    poolSize: options.poolSize,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: 5_000,
    ssl: tls ? { rejectUnauthorized: true } : undefined,
    extra: { enableKeepAlive: true, keepAliveInitialDelay: 10_000 },
    maxQueryExecutionTime: options.statementTimeoutMs ?? 60_000,
    enableQueryTimeout: true,
    logging: false,
    entities,
    migrations,
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'none',
    synchronize: false,
  };
}

/** The one way to the database: statements, and transactions that are run again as a whole when the server asks for it. */
export class Database implements Session {
  private constructor(
    readonly dataSource: DataSource,
    private readonly options: DatabaseOptions,
  ) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    return new Database(await new DataSource(dataSourceOptions(options)).initialize(), options);
  }

  /** Over a data source that somebody else opened with {@link dataSourceOptions} and closes. */
  static over(dataSource: DataSource, options: DatabaseOptions): Database {
    return new Database(dataSource, options);
  }

  query<T = Changed>(sql: string, values: readonly unknown[] = []): Promise<T> {
    return guarded(this.dataSource.query<T>(sql, [...values]));
  }

  /**
   * Runs `work` in one transaction, again as a whole (with jitter) on a deadlock or lock wait, and once more when the connection broke before COMMIT.
   * Throws `CommitUnknownError` when the answer to COMMIT was lost. `work` must be repeatable and must not wait for anything but the database.
   */
  async transaction<T>(name: string, work: Work<T>): Promise<T> {
    for (let run = 1; ; run++) {
      try {
        return await this.once(name, work);
      } catch (error) {
        const lost = isUnavailable(error) && !(error instanceof CommitUnknownError);
        if (!(isRetryable(error) && run < MAX_RUNS) && !(lost && run < 2)) throw error;
        this.options.onRetry?.(name, String(driverError(error).errno ?? driverError(error).code ?? 'unknown'));
        await sleep(Math.random() * Math.min(200, 5 * 2 ** run));
      }
    }
  }

  private async once<T>(name: string, work: Work<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const session: Session = { query: (sql, values = []) => guarded(runner.query(sql, [...values])) };
    let committing = false;
    try {
      await session.query('START TRANSACTION');
      const result = await work(session, runner.manager);
      committing = true;
      await session.query('COMMIT');
      return result;
    } catch (error) {
      if (!isUnavailable(error)) await runner.query('ROLLBACK').catch(() => discard(runner));
      else await discard(runner);
      throw committing && isUnavailable(error) ? new CommitUnknownError(name, error) : error;
    } finally {
      await runner.release().catch(() => undefined);
    }
  }

  /** Runs `work` on one connection, without a transaction, and gives the connection up afterwards: for statements that change its settings. */
  async pinned<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work({ query: (sql, values = []) => guarded(runner.query(sql, [...values])) });
    } finally {
      await discard(runner);
    }
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}

async function guarded<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw new DatabaseError(error);
  }
}

/** A connection in an unknown state must not go back to the pool. */
async function discard(runner: QueryRunner): Promise<void> {
  const connection: mysql2.PoolConnection | undefined = await runner.connect().catch(() => undefined);
  connection?.destroy();
}
