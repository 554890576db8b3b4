import { using } from '../../steps/sql.mjs';

/** The tables that the bare loop writes, with Posthorn's keys; without partitions, and with only the columns that it fills. */
const tables = [
  `message (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, channel_id INT UNSIGNED NOT NULL, created_at DATETIME(3) NOT NULL,
    content_type VARCHAR(255) NOT NULL, payload MEDIUMBLOB NOT NULL, KEY message_by_channel (channel_id, id))`,
  `delivery (message_id BIGINT UNSIGNED NOT NULL, consumer_id INT UNSIGNED NOT NULL, status TINYINT UNSIGNED NOT NULL,
    attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0, http_code SMALLINT UNSIGNED NULL, updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (message_id, consumer_id), KEY delivery_by_consumer (consumer_id, message_id))`,
  `ready (consumer_id INT UNSIGNED NOT NULL, prio_rank TINYINT UNSIGNED NOT NULL, seq BIGINT UNSIGNED NOT NULL, message_id BIGINT UNSIGNED NOT NULL,
    attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0, lease_until DATETIME(3) NOT NULL DEFAULT '2000-01-01', lease_token BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer_id, prio_rank, seq))`,
  `attempt (message_id BIGINT UNSIGNED NOT NULL, consumer_id INT UNSIGNED NOT NULL, number SMALLINT UNSIGNED NOT NULL, http_code SMALLINT UNSIGNED NOT NULL,
    duration_ms INT UNSIGNED NOT NULL, at DATETIME(3) NOT NULL, PRIMARY KEY (message_id, consumer_id, number))`,
];

export const makeTables = (serverUrl, database) =>
  using(serverUrl, async (connection) => {
    await connection.query('USE ??', [database]);
    for (const table of tables) await connection.query(`CREATE TABLE ${table} ENGINE=InnoDB ROW_FORMAT=DYNAMIC`);
  });

/** A connection as both halves use it. */
export async function open(databaseUrl) {
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ uri: databaseUrl, supportBigNumbers: true, bigNumberStrings: true });
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  return connection;
}
