import { createHash } from 'node:crypto';
import { startPrivateServer } from '../steps/private-server.mjs';
import { databaseOf, using } from '../steps/sql.mjs';

/** The database under torture: its server, when it is ours, can be killed, frozen and started again on the same port. */
export class TorturedDatabase {
  #server;
  #counted = {};
  #since;

  /** `url` with the database's name; `server` and `restart` only for a server of ours. */
  constructor({ url, server, dir, binary }) {
    this.url = url;
    this.#server = server;
    this.restart = () => startPrivateServer({ dir, binary, port: server.port });
  }

  /** Begins to count what the server counts. */
  async begin() {
    this.#since = await this.#read();
  }

  async kill() {
    await this.#count();
    await this.#server.kill();
  }

  /** Starts it after `kill`: resolves once it answers. */
  async start() {
    this.#server = await this.restart();
    this.#since = await this.#read();
  }

  /** Shuts it down; its data stay. */
  async stop() {
    await this.#server.stop();
  }

  freeze() {
    process.kill(this.#server.pid, 'SIGSTOP');
  }

  thaw() {
    process.kill(this.#server.pid, 'SIGCONT');
  }

  /** What the server counted in all its lives: deadlocks, lock waits and errors; a number that it does not tell is missing. */
  async counted() {
    await this.#count();
    return this.#counted;
  }

  async #count() {
    const now = await this.#read();
    for (const [name, value] of Object.entries(now)) {
      this.#counted[name] = (this.#counted[name] ?? 0) + value - (this.#since[name] ?? 0);
    }
    this.#since = now;
  }

  #read() {
    return using(this.url, async (connection) => {
      const [status] = await connection.query(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_deadlocks', 'Innodb_row_lock_waits', 'Innodb_row_lock_time')",
      );
      const names = { Innodb_deadlocks: 'deadlocks', Innodb_row_lock_waits: 'rowLockWaits', Innodb_row_lock_time: 'rowLockWaitMs' };
      const counted = Object.fromEntries(status.map((row) => [names[row.Variable_name], Number(row.Value)]));
      // MySQL counts deadlocks and lock wait timeouts among its errors; MariaDB has none of these tables, or has them empty.
      const [errors] = await connection
        .query(
          `SELECT error_number AS number, sum_error_raised AS raised FROM performance_schema.events_errors_summary_global_by_error
            WHERE error_number IN (1205, 1213)`,
        )
        .catch(() => [[]]);
      for (const { number, raised } of errors) counted[Number(number) === 1205 ? 'lockWaitTimeouts' : 'deadlocks'] = Number(raised);
      return counted;
    });
  }
}

/** Those of unfinished work, and that of the dead letters. */
const hotTables = ['fanout', 'fanout_waiting', 'ready', 'retry', 'key_head', 'key_waiting', 'key_blocked', 'dead_letter'];

/** How many rows each table of unfinished work has, and how many dead letters there are. */
export function readHot(url) {
  return using(url, async (connection) => {
    const [[row]] = await connection.query(
      `SELECT ${hotTables.map((table) => `(SELECT COUNT(*) FROM ??.${table}) AS ${table}`).join(', ')}`,
      hotTables.map(() => databaseOf(url)),
    );
    return Object.fromEntries(Object.entries(row).map(([table, count]) => [table, Number(count)]));
  });
}

/** The numbers that stand for states in the database; they are never renumbered (libs/domain/src/states.ts). */
const deliveryStatus = `ELT(d.status, 'queued', 'in-flight', 'retry-delivery', 'retry-in-flight', 'delivered', 'dead')`;
const messageStatus = `ELT(m.status, 'acknowledged', 'out-for-delivery', 'scheduled', 'cancelled')`;

/** All that is stored at the end, for the checker. `keys` are those that were used. */
export function readStored(url, keys) {
  const byHash = new Map(keys.map((key) => [createHash('sha256').update(key).digest('hex').slice(0, 32), key]));
  return using(url, async (connection) => {
    await connection.query('USE ??', [databaseOf(url)]);
    const rows = async (sql) => (await connection.query(sql))[0];
    const stored = {
      messages: await rows(
        `SELECT CAST(m.id AS CHAR) AS id, h.name AS channel, ${messageStatus} AS status FROM message m JOIN channel h ON h.id = m.channel_id`,
      ),
      keys: await rows(
        'SELECT LOWER(HEX(i.key_hash)) AS hash, h.name AS channel, CAST(i.message_id AS CHAR) AS id FROM idempotency i JOIN channel h ON h.id = i.channel_id',
      ),
      deliveries: await rows(
        `SELECT CAST(d.message_id AS CHAR) AS id, c.name AS consumer, ${deliveryStatus} AS status, d.attempts FROM delivery d JOIN consumer c ON c.id = d.consumer_id`,
      ),
      attempts: await rows(
        `SELECT CAST(a.message_id AS CHAR) AS id, c.name AS consumer, a.number, a.duration_ms AS durationMs, a.http_code AS httpCode, a.error_class AS errorClass
           FROM attempt a JOIN consumer c ON c.id = a.consumer_id`,
      ),
    };
    return { ...stored, keys: stored.keys.map(({ hash, ...row }) => ({ ...row, key: byHash.get(hash) })) };
  });
}
