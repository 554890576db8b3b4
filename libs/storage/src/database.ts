import type mysql2 from 'mysql2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { type ConnectionOptions, connectionsTo, openDataSource, STATEMENT_TIMEOUT_MS } from './data-source.js';
import { CommitUnknownError, DatabaseError, driverError, isLost, isReadOnly, isRetryable } from './errors.js';
import { type PacketConnection, PacketPool, type Statement } from './packets.js';
import { Refusals } from './refusals.js';

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

/** A transaction whose statements travel several to a packet. */
export interface Packets {
  /** Runs statements in order in one round trip; the first packet also begins the transaction. */
  send<T extends unknown[]>(...statements: Statement[]): Promise<T>;
  /** The same, and commits behind the last one. Nothing may be sent after it. */
  commit<T extends unknown[]>(...statements: Statement[]): Promise<T>;
}

export interface DatabaseOptions extends ConnectionOptions {
  /** Connections in all. Half of them, at most 4, are for packets. */
  poolSize: number;
  /** Called each time a whole transaction is run again. */
  onRetry?: (transaction: string, code: string) => void;
}

const MAX_RUNS = 8;
/** Transactions of the hot path at a time: ingest accepts, leases and settles on two each, a dispatcher claims on one and settles on another. */
const PACKET_CONNECTIONS = 6;

/** The one way to the database: statements, and transactions that are run again as a whole when the server asks for it. */
export class Database implements Session {
  private constructor(
    readonly dataSource: DataSource,
    readonly packetPool: PacketPool,
    private readonly options: DatabaseOptions,
    private readonly refusals: Refusals,
  ) {}

  /** Rejects with `NoConnectionError` when the database cannot be reached. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const forPackets = Math.min(PACKET_CONNECTIONS, Math.floor(options.poolSize / 2));
    const refusals = new Refusals();
    const dataSource = await openDataSource(options, connectionsTo(options, options.poolSize - forPackets, refusals));
    const packetPool = new PacketPool(
      connectionsTo(options, forPackets, refusals, true),
      options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    );
    return new Database(dataSource, packetPool, options, refusals);
  }

  /** The same database over `size` more connections, so that neither can take the other's; those for packets are shared. */
  async beside(size: number, more: Partial<ConnectionOptions> = {}): Promise<Database> {
    const options = { ...this.options, ...more };
    const dataSource = await openDataSource(options, connectionsTo(options, size, this.refusals));
    return new Database(dataSource, this.packetPool, options, this.refusals);
  }

  /** Why the server refuses to write, when it did within the last 5 s: it is read-only, or its disk is full. */
  get refusal(): unknown {
    return this.refusals.current;
  }

  query<T = Changed>(sql: string, values: readonly unknown[] = []): Promise<T> {
    return guarded(this.dataSource.query<T>(sql, [...values]));
  }

  /**
   * Runs `work` in one transaction, again as a whole (with jitter) on a deadlock or lock wait, and once more when the connection broke before COMMIT or
   * the server is read-only; not again when the longest time of a statement has passed since the first run began.
   * Throws `CommitUnknownError` when the answer to COMMIT was lost. `work` must be repeatable and must not wait for anything but the database.
   */
  transaction<T>(name: string, work: Work<T>): Promise<T> {
    return this.repeated(name, () => this.once(name, work));
  }

  /**
   * A {@link transaction} of the hot path, on connections of its own. It ends with what `work` sends by `commit`; work that returns without has
   * changed nothing. A connection that breaks after the last packet was sent is a `CommitUnknownError`, whichever of its statements it broke at.
   */
  packets<T>(name: string, work: (packets: Packets) => Promise<T>): Promise<T> {
    return this.repeated(name, () => this.oncePacked(name, work));
  }

  private async repeated<T>(name: string, once: () => Promise<T>): Promise<T> {
    const until = performance.now() + (this.options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS);
    for (let run = 1; ; run++) {
      try {
        return await once();
      } catch (error) {
        const lost = isLost(error) || isReadOnly(error);
        if (performance.now() > until || (!(isRetryable(error) && run < MAX_RUNS) && !(lost && run < 2))) throw error;
        this.options.onRetry?.(name, String(driverError(error).errno ?? driverError(error).code ?? 'unknown'));
        await sleep(Math.random() * Math.min(200, 5 * 2 ** run));
      }
    }
  }

  private async oncePacked<T>(name: string, work: (packets: Packets) => Promise<T>): Promise<T> {
    const connection = await this.packetPool.connect();
    const packets = new OpenPackets(connection);
    try {
      const result = await work(packets);
      if (packets.state === 'open') await connection.run([{ sql: 'ROLLBACK' }]);
      connection.release();
      return result;
    } catch (error) {
      if (isLost(error)) connection.destroy();
      else
        await connection.run([{ sql: 'ROLLBACK' }]).then(
          () => connection.release(),
          () => connection.destroy(),
        );
      throw packets.state === 'committed' && isLost(error) ? new CommitUnknownError(name, error) : error;
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
      if (!isLost(error)) await runner.query('ROLLBACK').catch(() => discard(runner));
      else await discard(runner);
      throw committing && isLost(error) ? new CommitUnknownError(name, error) : error;
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
    await this.packetPool.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}

class OpenPackets implements Packets {
  /** `committed`: COMMIT is on its way, or done. */
  state: 'idle' | 'open' | 'committed' = 'idle';

  constructor(private readonly connection: PacketConnection) {}

  send<T extends unknown[]>(...statements: Statement[]): Promise<T> {
    return this.exchange(statements, 'open');
  }

  commit<T extends unknown[]>(...statements: Statement[]): Promise<T> {
    return this.exchange([...statements, { sql: 'COMMIT' }], 'committed');
  }

  private async exchange<T>(statements: readonly Statement[], state: 'open' | 'committed'): Promise<T> {
    const begins = this.state === 'idle';
    this.state = state;
    const results = await this.connection.run(begins ? [{ sql: 'START TRANSACTION' }, ...statements] : statements);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the caller knows what its statements answer
    return (begins ? results.slice(1) : results) as T;
  }
}

async function guarded<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw error instanceof DatabaseError ? error : new DatabaseError(error);
  }
}

/** A connection in an unknown state must not go back to the pool. */
async function discard(runner: QueryRunner): Promise<void> {
  const connection: mysql2.Connection | undefined = await runner.connect().catch(() => undefined);
  connection?.destroy();
}
