import type { MigrationInterface, QueryRunner } from 'typeorm';

const word = (length: number): string => `VARCHAR(${length}) CHARACTER SET ascii COLLATE ascii_bin`;

/**
 * Jobs, which redrive, discard and replay in steps, and what deleted consumers and channels leave to be swept: new, small tables. The mark of a replay travels
 * with its row: new columns at the end of `ready`, `retry` and `dead_letter`, which both servers add without a copy; it waits for open transactions on each
 * and then holds it for some milliseconds.
 */
export class AddJobs1763683200036 implements MigrationInterface {
  name = 'AddJobs1763683200036';

  async up(runner: QueryRunner): Promise<void> {
    const options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC';
    await runner.query(`CREATE TABLE job (
      id BIGINT UNSIGNED NOT NULL PRIMARY KEY, kind ${word(10)} NOT NULL, cause ${word(20)} NOT NULL, channel_id INT UNSIGNED NOT NULL,
      consumer_id INT UNSIGNED NOT NULL, channel_name ${word(100)} NOT NULL, consumer_name ${word(100)} NOT NULL, settings JSON NOT NULL,
      state ${word(10)} NOT NULL DEFAULT 'running', rate_per_second DOUBLE NULL, most BIGINT UNSIGNED NULL,
      cursor_id BIGINT UNSIGNED NOT NULL DEFAULT 0, end_id BIGINT UNSIGNED NOT NULL, done BIGINT UNSIGNED NOT NULL DEFAULT 0,
      skipped BIGINT UNSIGNED NOT NULL DEFAULT 0, seen BIGINT UNSIGNED NOT NULL DEFAULT 0, total BIGINT UNSIGNED NULL, total_at_least TINYINT NOT NULL DEFAULT 0,
      failures SMALLINT UNSIGNED NOT NULL DEFAULT 0, error ${word(30)} NULL, key_id ${word(16)} NULL, key_name VARCHAR(200) NULL,
      next_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
      updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), finished_at DATETIME(3) NULL,
      KEY job_due (state, next_at), KEY job_by_channel (channel_name, id), KEY job_by_consumer (consumer_id, id), KEY job_finished (finished_at)) ${options}`);
    await runner.query(`CREATE TABLE removed_consumer (
      id INT UNSIGNED NOT NULL PRIMARY KEY, removed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)) ${options}`);
    await runner.query(`CREATE TABLE removed_channel (
      id INT UNSIGNED NOT NULL PRIMARY KEY, removed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)) ${options}`);
    for (const table of ['ready', 'retry', 'dead_letter']) {
      await runner.query(`ALTER TABLE ${table} ADD COLUMN replay BIGINT UNSIGNED NOT NULL DEFAULT 0`);
    }
    await runner.query('ALTER TABLE consumer ADD COLUMN auto_redrive JSON NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer DROP COLUMN auto_redrive');
    for (const table of ['dead_letter', 'retry', 'ready']) await runner.query(`ALTER TABLE ${table} DROP COLUMN replay`);
    await runner.query('DROP TABLE removed_channel, removed_consumer, job');
  }
}
