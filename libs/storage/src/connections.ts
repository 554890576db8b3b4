import type mysql2 from 'mysql2';
import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '@app/domain';
import { DatabaseBusyError, DatabaseError, isLost, NoConnectionError } from './errors.js';
import { cutOff } from './open-connection.js';
import type { Refusals } from './refusals.js';

export interface ConnectionLimits {
  /** Connections. */
  size: number;
  /** Longest that a caller waits for one, ms. */
  waitMs: number;
  /** Callers that may wait. */
  queue: number;
}

/** A connection that `release` gives back, in place of ending it. */
export type PooledConnection = mysql2.Connection & { release(): void };
type Callback = (error: Error | null, connection?: PooledConnection) => void;

interface Waiting {
  callback: Callback;
  timer: NodeJS.Timeout;
}

interface Member {
  connection: PooledConnection;
  generation: number;
  broken: boolean;
  /** With somebody who has not released it. */
  lent: boolean;
}

const RECONNECT = { firstMs: 50, capMs: 1_000 };
const END_MS = 1_000;

/**
 * The connections of one process, for callers that must not wait for ever: who finds none free waits at most `waitMs`, with at most `queue` others.
 * A connection on which anything went wrong is not used again, and those that are as old are not trusted either. While the server cannot be reached one
 * caller at a time tries, with back-off and jitter up to 1 s, and the others are refused at once: a database that comes back is not met by a storm.
 * When a write is refused because the server is read-only, all connections are renewed, for the primary may be elsewhere now.
 *
 * What TypeORM and the driver ask of a pool, and no more; docs/decisions/0018 says why the driver's own does not do.
 */
export class Connections {
  private readonly members = new Set<Member>();
  private readonly idle: Member[] = [];
  private readonly waiting = new Set<Waiting>();
  private connecting = 0;
  private generation = 0;
  private failures = 0;
  private failure: Error | undefined;
  private tryAt = -Infinity;
  private closed = false;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly refusals: Refusals,
    private readonly open: () => Promise<mysql2.Connection>,
  ) {
    refusals.onReadOnly(() => this.renew());
  }

  getConnection(callback: Callback): void {
    const found = this.idle.pop();
    if (found) return lend(found, callback);
    const refusal = this.refuses();
    if (refusal) return callback(refusal);
    const { waitMs } = this.limits;
    const waiting: Waiting = {
      callback,
      timer: setTimeout(() => {
        this.waiting.delete(waiting);
        const problem = `none became free in ${waitMs} ms`;
        callback(this.members.size > 0 ? new DatabaseBusyError(problem) : new NoConnectionError(new Error(problem)));
      }, waitMs),
    };
    this.waiting.add(waiting);
    this.grow();
  }

  /** Says goodbye to the server on all connections, and calls back when they have ended or after 1 s. */
  end(callback: (error?: Error) => void): void {
    this.closed = true;
    this.refuseAll(closedError());
    void this.sayGoodbye(callback);
  }

  private async sayGoodbye(callback: () => void): Promise<void> {
    const goodbyes = [...this.members].map((member) => new Promise<void>((resolve) => member.connection.end(() => resolve())));
    await Promise.race([Promise.all(goodbyes), sleep(END_MS, undefined, { ref: false })]);
    for (const member of this.members) this.lose(member);
    callback();
  }

  private refuses(): Error | undefined {
    if (this.closed) return closedError();
    const away = this.failures > 0 && this.members.size === 0 && (this.connecting > 0 || performance.now() < this.tryAt);
    if (away) return this.failure;
    if (this.waiting.size < this.limits.queue) return undefined;
    return new DatabaseBusyError(`${this.waiting.size} wait for one`);
  }

  /** Connects for those that wait: freely while all is well, else one at a time and when it is time. */
  private grow(): void {
    while (this.waiting.size > this.connecting && this.members.size + this.connecting < this.limits.size && !this.closed) {
      if (this.failures > 0 && (this.connecting > 0 || performance.now() < this.tryAt)) return;
      this.connecting++;
      this.open().then(
        (connection) => this.connected(connection),
        (error: unknown) => this.failed(error),
      );
    }
  }

  private connected(connection: mysql2.Connection): void {
    this.connecting--;
    this.failures = 0;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `watch` gives it its `release`
    const member: Member = { connection: connection as PooledConnection, generation: this.generation, broken: false, lent: false };
    this.members.add(member);
    this.watch(member);
    this.offer(member);
    this.grow();
  }

  private failed(error: unknown): void {
    this.connecting--;
    this.failure = error instanceof Error ? error : new NoConnectionError(error);
    const now = performance.now();
    // Those that were tried together fail together, and count as one.
    if (now >= this.tryAt) this.tryAt = now + backOffMs(RECONNECT, ++this.failures, Math.random());
    if (this.members.size + this.connecting === 0) this.refuseAll(this.failure);
  }

  private refuseAll(error: Error): void {
    const all = [...this.waiting];
    this.waiting.clear();
    for (const { timer, callback } of all) {
      clearTimeout(timer);
      callback(error);
    }
  }

  /** To whoever has waited longest, else to those who come. */
  private offer(member: Member): void {
    if (member.broken || member.generation !== this.generation || this.closed) return this.lose(member);
    for (const waiting of this.waiting) {
      this.waiting.delete(waiting);
      clearTimeout(waiting.timer);
      return lend(member, waiting.callback);
    }
    member.lent = false;
    this.idle.push(member);
  }

  private lose(member: Member): void {
    cutOff(member.connection);
    this.forget(member);
  }

  private forget(member: Member): void {
    member.broken = true;
    if (!this.members.delete(member)) return;
    const index = this.idle.indexOf(member);
    if (index !== -1) this.idle.splice(index, 1);
    this.grow();
  }

  private watch(member: Member): void {
    const { connection } = member;
    connection.on('error', () => this.forget(member));
    connection.on('end', () => this.forget(member));
    connection.release = () => {
      if (member.lent) this.offer(member);
    };
    connection.destroy = () => this.lose(member);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all overloads at once: whatever comes is passed on
    const query = connection.query.bind(connection) as (...args: unknown[]) => mysql2.Query;
    connection.query = (...args: unknown[]): mysql2.Query => {
      const callback = args.at(-1);
      if (typeof callback === 'function') {
        args[args.length - 1] = (error: unknown, ...rest: unknown[]): void => {
          if (error) this.wentWrong(member, error);
          callback(error, ...rest);
        };
      }
      return query(...args);
    };
  }

  private wentWrong(member: Member, error: unknown): void {
    const current = member.generation === this.generation;
    if (isLost(error)) {
      member.broken = true;
      if (current) this.renew();
    } else {
      this.refusals.note(error, current);
    }
  }

  /** No connection of before is used again: idle ones end now, the others when they are released. */
  private renew(): void {
    this.generation++;
    for (const member of this.idle.slice()) this.lose(member);
  }
}

const closedError = (): DatabaseError => new DatabaseError(new Error('the connections are closed'));

function lend(member: Member, callback: Callback): void {
  member.lent = true;
  callback(null, member.connection);
}
