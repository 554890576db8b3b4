import path from 'node:path';
import { root } from '../steps/paths.mjs';
import { Interrupted, Problem } from '../steps/problem.mjs';
import { connectTo, databaseOf } from '../steps/sql.mjs';
import { insertAttempts, insertDelivered, insertMessages, insertQueued, insertReady } from './rows.mjs';
import { lastDays, rowsPerStatement, spreadOver, spreadOverDays, statements } from './spread.mjs';

/** The longest wait in a loaded backlog. */
const backlogMs = 6 * 3_600_000;
const mostLoadMs = 60 * 60_000;

/**
 * Fills tables with rows as the processes would have left them: sorted by primary key, thousands in a statement, one connection for each table.
 * `onRows` is told how many rows are written.
 */
export class Loader {
  #url;
  #signal;
  #onRows;
  #loaded = 0;
  #deadline = 0;

  constructor(url, { signal, onRows = () => {} }) {
    this.#url = url;
    this.#signal = signal;
    this.#onRows = onRows;
  }

  /** Finished deliveries over the last `days` days, with a message for all of `consumerIds` together and an attempt for each. */
  async history({ deliveries, days, channelId, consumerIds }) {
    const each = consumerIds.length;
    const parts = spreadOverDays(Math.ceil(deliveries / each), days, Date.now());
    await makePastPartitions(this.#url, days);
    await this.#tables(
      ['message', 'delivery', 'attempt'],
      [
        [parts, 1, (part, cut) => insertMessages(part, cut, channelId)],
        [parts, each, (part, cut) => insertDelivered(part, cut, consumerIds)],
        [parts, each, (part, cut) => insertAttempts(part, cut, consumerIds)],
      ],
    );
  }

  /** Deliveries that wait for one consumer, each of a message of its own. */
  async backlog({ deliveries, channelId, consumerId }) {
    const parts = spreadOver(deliveries, backlogMs, Date.now());
    await this.#tables(
      ['message', 'delivery', 'ready'],
      [
        [parts, 1, (part, cut) => insertMessages(part, cut, channelId)],
        [parts, 1, (part, cut) => insertQueued(part, cut, consumerId)],
        [parts, 1, (part, cut) => insertReady(part, cut, consumerId)],
      ],
    );
  }

  /** Each of `work` is `[parts, rows for each message, statement]`. Afterwards the statistics are what the server itself arrives at in a while. */
  async #tables(tables, work) {
    this.#deadline = Date.now() + mostLoadMs;
    const ended = await Promise.allSettled(work.map((one) => this.#table(...one)));
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
    await using(this.#url, (connection) => connection.query('ANALYZE TABLE ??', [tables]));
  }

  async #table(parts, perMessage, statement) {
    await using(this.#url, async (connection) => {
      await makeNumbers(connection);
      for (const part of parts) {
        for (const cut of statements(part.messages * perMessage)) {
          if (this.#signal.aborted) throw new Interrupted();
          if (Date.now() > this.#deadline)
            throw new Problem(`Loading took longer than ${mostLoadMs / 60_000} minutes; try smaller numbers.`);
          await connection.query(statement(part, cut));
          this.#loaded += cut.rows;
          this.#onRows(this.#loaded);
        }
      }
    });
  }
}

async function using(url, work) {
  const connection = await connectTo(url);
  try {
    await connection.query('USE ??', [databaseOf(url)]);
    await connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`);
    await connection.query(`SET SESSION time_zone = '+00:00'`);
    return await work(connection);
  } finally {
    await connection.end();
  }
}

async function makeNumbers(connection) {
  await connection.query('CREATE TEMPORARY TABLE number (n INT UNSIGNED NOT NULL PRIMARY KEY)');
  await connection.query('INSERT INTO number (n) VALUES ?', [Array.from({ length: rowsPerStatement }, (_, n) => [n])]);
}

/**
 * Splits the oldest partition, which holds everything before its end, into days, as if Posthorn had run for that long. Nothing is in it yet, so
 * nothing is copied.
 */
async function makePastPartitions(url, days) {
  const { PARTITIONED, partitionDefinition, partitionName } = await import(path.join(root, 'dist/libs/storage/src/partition-names.js'));
  const wanted = lastDays(days, Date.now());
  await using(url, async (connection) => {
    await connection.query('SET SESSION lock_wait_timeout = 10');
    for (const [table] of PARTITIONED) {
      const [rows] = await connection.query(
        `SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY PARTITION_ORDINAL_POSITION`,
        [databaseOf(url), table],
      );
      const oldest = rows[0].name;
      const split = wanted.filter((day) => partitionName(day) <= oldest);
      if (split.length < 2) continue;
      await connection.query(`ALTER TABLE ${table} REORGANIZE PARTITION ${oldest} INTO (${split.map(partitionDefinition).join(', ')})`);
    }
  });
}
