import type { MigrationInterface, QueryRunner } from 'typeorm';

const word = (length: number): string => `VARCHAR(${length}) CHARACTER SET ascii COLLATE ascii_bin`;

/**
 * Order within a key: who of a key is out (`key_head`), who waits behind it (`key_waiting`, `fanout_waiting`), and which dead letters hold their key
 * (`key_blocked`). New tables, which hold only what is unfinished and have no index but their key; new columns at the end of others, which both servers add
 * without a copy: it waits for open transactions on `consumer`, `ready`, `retry` and `fanout` and then holds each for some milliseconds.
 */
export class AddOrdering1763683200033 implements MigrationInterface {
  name = 'AddOrdering1763683200033';

  async up(runner: QueryRunner): Promise<void> {
    const options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC';
    await runner.query(`CREATE TABLE key_head (
      consumer_id INT UNSIGNED NOT NULL, key_hash BIGINT UNSIGNED NOT NULL, head_seq BIGINT UNSIGNED NOT NULL, last_seq BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (consumer_id, key_hash)) ${options}`);
    await runner.query(`CREATE TABLE key_waiting (
      consumer_id INT UNSIGNED NOT NULL, key_hash BIGINT UNSIGNED NOT NULL, seq BIGINT UNSIGNED NOT NULL, message_id BIGINT UNSIGNED NOT NULL,
      prio_rank TINYINT UNSIGNED NOT NULL, attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0, attempts_before SMALLINT UNSIGNED NOT NULL DEFAULT 0,
      replay BIGINT UNSIGNED NOT NULL DEFAULT 0, PRIMARY KEY (consumer_id, key_hash, seq)) ${options}`);
    await runner.query(`CREATE TABLE key_blocked (
      consumer_id INT UNSIGNED NOT NULL, message_id BIGINT UNSIGNED NOT NULL, key_hash BIGINT UNSIGNED NOT NULL, key_seq BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (consumer_id, message_id)) ${options}`);
    await runner.query(`CREATE TABLE fanout_waiting (
      key_hash BIGINT UNSIGNED NOT NULL, seq BIGINT UNSIGNED NOT NULL, message_id BIGINT UNSIGNED NOT NULL, channel_id INT UNSIGNED NOT NULL,
      prio_rank TINYINT UNSIGNED NOT NULL, last_consumer_id INT UNSIGNED NOT NULL, PRIMARY KEY (key_hash, seq)) ${options}`);
    for (const table of ['ready', 'retry', 'fanout'])
      await runner.query(`ALTER TABLE ${table} ADD COLUMN key_hash BIGINT UNSIGNED NULL, ADD COLUMN key_seq BIGINT UNSIGNED NULL`);
    await runner.query(`ALTER TABLE consumer ADD COLUMN ordering ${word(10)} NOT NULL DEFAULT 'none',
      ADD COLUMN ordering_exhausted ${word(20)} NOT NULL DEFAULT 'block'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer DROP COLUMN ordering, DROP COLUMN ordering_exhausted');
    for (const table of ['ready', 'retry', 'fanout']) await runner.query(`ALTER TABLE ${table} DROP COLUMN key_hash, DROP COLUMN key_seq`);
    await runner.query('DROP TABLE fanout_waiting, key_blocked, key_waiting, key_head');
  }
}
