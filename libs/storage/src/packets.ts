import type { Connections, PooledConnection } from './connections.js';
import { DatabaseError } from './errors.js';

/** One statement and the values that are bound to it. */
export interface Statement {
  sql: string;
  values?: readonly unknown[];
}

/**
 * Connections for the hot path: statements of one transaction travel several to a packet, which saves a round trip for each of them and TypeORM's and
 * the driver's promise wrappers (docs/decisions/0011). Values are escaped by the driver, as in every other statement.
 */
export class PacketPool {
  constructor(
    private readonly connections: Connections,
    private readonly statementTimeoutMs: number,
  ) {}

  connect(): Promise<PacketConnection> {
    return new Promise((resolve, reject) => {
      this.connections.getConnection((error, connection) => {
        if (connection) resolve(new PacketConnection(connection, this.statementTimeoutMs));
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.connections.end(() => resolve()));
  }
}

export class PacketConnection {
  constructor(
    private readonly connection: PooledConnection,
    private readonly statementTimeoutMs: number,
  ) {}

  /** Runs statements in order, in one packet, and answers each one's result. The first that fails ends the packet: what follows it does not run. */
  run(statements: readonly Statement[]): Promise<unknown[]> {
    const sql = statements.map((statement) => statement.sql).join(';\n');
    const values = statements.flatMap((statement) => statement.values ?? []);
    return new Promise((resolve, reject) => {
      this.connection.query({ sql, values, timeout: this.statementTimeoutMs }, (error, results) => {
        if (error) reject(new DatabaseError(error));
        else resolve(statements.length > 1 && Array.isArray(results) ? results : [results]);
      });
    });
  }

  release(): void {
    this.connection.release();
  }

  /** For a connection in an unknown state. */
  destroy(): void {
    this.connection.destroy();
  }
}
