import { EPOCH_MS, IdHorizonError, IdMinter, type Id, type Peer, SILENT_MS } from '@app/domain';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Database } from './database.js';

/** `leaving`: a dispatcher that begins nothing any more and is not counted among those that do. */
export type NodeKind = 'ingest' | 'dispatcher' | 'scheduler' | 'leaving';

/** How often a process says that it lives. */
export const HEARTBEAT_MS = 3_000;
/** Silent for longer: dead. */
export const NODE_DEAD_MS = 15_000;
/** How far ahead of now a process may mint ids between two heartbeats. */
const HORIZON_MS = 60_000;

/** Thrown when all 1024 process numbers are taken or their horizons lie ahead. */
export class NoProcessNumberError extends Error {
  constructor() {
    super('all 1024 process numbers are in use; wait a minute or stop processes that are not needed');
  }
}

/**
 * This process among the others: its number, and the span of time in which it alone may mint ids with that number. The span ends at a horizon that is
 * stored before it is used, and the next holder of the number starts there; so no id is minted twice whatever clocks do or how long a process was frozen.
 */
export class Node {
  /** Called each time that an id was asked for at the horizon, where only a heartbeat helps. */
  onHorizon: () => void = () => undefined;
  private minter: IdMinter;

  private constructor(
    private readonly database: Database,
    private kind: NodeKind,
    private readonly nudgeAddress: string | null,
    private token: string,
    private processNumber: number,
    fromMs: number,
    horizonMs: number,
  ) {
    this.minter = new IdMinter(processNumber, fromMs, horizonMs);
  }

  static async join(database: Database, kind: NodeKind, nudgeAddress: string | null = null): Promise<Node> {
    const { token, number, fromMs, horizonMs } = await take(database, kind, nudgeAddress);
    return new Node(database, kind, nudgeAddress, token, number, fromMs, horizonMs);
  }

  get number(): number {
    return this.processNumber;
  }

  get id(): string {
    return this.token;
  }

  /** Throws IdHorizonError when no heartbeat got through for a minute, or the clock has gone forward by as much since the last one. */
  mint(): Id {
    try {
      return this.minter.mint();
    } catch (error) {
      if (error instanceof IdHorizonError) this.onHorizon();
      throw error;
    }
  }

  /** Says that this process lives and moves its horizon. A number that was lost meanwhile is replaced by a fresh one. */
  async heartbeat(): Promise<'kept' | 'replaced'> {
    const horizonMs = Date.now() + HORIZON_MS;
    const { affectedRows } = await this.database.query(
      `UPDATE node SET heartbeat_at = NOW(3), horizon_ms = GREATEST(horizon_ms, ?) WHERE number = ? AND token = ?`,
      [horizonMs, this.processNumber, this.token],
    );
    if (affectedRows === 1) {
      this.minter.extend(horizonMs);
      return 'kept';
    }
    const taken = await take(this.database, this.kind, this.nudgeAddress);
    this.minter = new IdMinter(taken.number, taken.fromMs, taken.horizonMs);
    this.processNumber = taken.number;
    this.token = taken.token;
    return 'replaced';
  }

  /** Says that this process begins nothing any more; it goes on living. */
  async retire(): Promise<void> {
    this.kind = 'leaving';
    await this.database.query('UPDATE node SET kind = ? WHERE number = ? AND token = ?', [this.kind, this.processNumber, this.token]);
  }

  /** Gives the number back; the horizon stays, so the number rests until it has passed. */
  async leave(): Promise<void> {
    await this.database.query(
      `UPDATE node SET token = NULL, kind = NULL, nudge_addr = NULL, heartbeat_at = '2000-01-01' WHERE number = ? AND token = ?`,
      [this.processNumber, this.token],
    );
  }
}

async function take(database: Database, kind: NodeKind, nudgeAddress: string | null) {
  return database.transaction('take-number', async (session) => {
    const [free] = await session.query<{ number: number; horizon_ms: string }[]>(
      `SELECT number, horizon_ms FROM node FORCE INDEX (PRIMARY)
        WHERE heartbeat_at < NOW(3) - INTERVAL ? MICROSECOND AND horizon_ms <= UNIX_TIMESTAMP(NOW(3)) * 1000
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [NODE_DEAD_MS * 1000],
    );
    if (!free) throw new NoProcessNumberError();
    const token = randomBytes(16).toString('hex');
    const fromMs = Math.max(Number(free.horizon_ms), EPOCH_MS);
    const horizonMs = Math.max(Date.now(), fromMs) + HORIZON_MS;
    await session.query(
      `UPDATE node SET token = ?, kind = ?, host = ?, pid = ?, nudge_addr = ?, horizon_ms = ?, started_at = NOW(3), heartbeat_at = NOW(3) WHERE number = ?`,
      [token, kind, hostname().slice(0, 255), process.pid, nudgeAddress, horizonMs, free.number],
    );
    return { token, number: free.number, fromMs, horizonMs };
  });
}

/** The dispatchers that live, by the database's clock. */
export async function dispatchers(database: Database): Promise<Peer[]> {
  const rows = await database.query<{ number: number; token: string; startedMs: string | number; silentMs: string | number }[]>(
    `SELECT number, token, TIMESTAMPDIFF(MICROSECOND, started_at, NOW(3)) DIV 1000 AS startedMs, TIMESTAMPDIFF(MICROSECOND, heartbeat_at, NOW(3)) DIV 1000 AS silentMs
       FROM node WHERE kind = 'dispatcher' AND heartbeat_at > NOW(3) - INTERVAL ? MICROSECOND`,
    [SILENT_MS * 1000],
  );
  return rows.map((row) => ({ ...row, startedMs: Number(row.startedMs), silentMs: Number(row.silentMs) }));
}

/** Nudge addresses (`host:port`) of the processes of some kinds that live and hear nudges. */
export async function nudgeAddresses(database: Database, kinds: readonly NodeKind[]): Promise<string[]> {
  const rows = await database.query<{ nudge_addr: string }[]>(
    `SELECT nudge_addr FROM node WHERE kind IN (?) AND nudge_addr IS NOT NULL AND heartbeat_at > NOW(3) - INTERVAL ? MICROSECOND`,
    [kinds, NODE_DEAD_MS * 1000],
  );
  return rows.map((row) => row.nudge_addr);
}

/** Silent for longer, a process no longer counts among those that share something: three heartbeats. */
const NODE_QUIET_MS = 10_000;

/** How many processes of a kind live. */
export async function countNodes(database: Database, kind: NodeKind): Promise<number> {
  const [row] = await database.query<{ n: string }[]>(
    'SELECT COUNT(*) AS n FROM node FORCE INDEX (PRIMARY) WHERE kind = ? AND heartbeat_at > NOW(3) - INTERVAL ? MICROSECOND',
    [kind, NODE_QUIET_MS * 1000],
  );
  return Number(row!.n);
}

export interface DeadNode {
  number: number;
  kind: NodeKind;
  host: string;
  pid: number;
}

/** Strikes the processes that fell silent off the list, so that nobody nudges them, and names them. Their leases run out by themselves. */
export function buryNodes(database: Database): Promise<DeadNode[]> {
  return database.transaction('bury-nodes', async (session) => {
    const dead = await session.query<DeadNode[]>(
      `SELECT number, kind, host, pid FROM node FORCE INDEX (PRIMARY)
        WHERE kind IS NOT NULL AND heartbeat_at < NOW(3) - INTERVAL ? MICROSECOND ORDER BY number FOR UPDATE SKIP LOCKED`,
      [NODE_DEAD_MS * 1000],
    );
    for (const { number } of dead)
      await session.query('UPDATE node SET token = NULL, kind = NULL, nudge_addr = NULL WHERE number = ?', [number]);
    return dead;
  });
}
