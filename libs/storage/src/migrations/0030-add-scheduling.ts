import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is scheduled, in the order in which it is due. A new table, and a new column at the end of a small one, which both servers add without a copy: it waits for
 * open transactions on `fanout` and then holds it for some milliseconds. 0, which the previous version writes, stands for the message's own id.
 */
export class AddScheduling1763683200030 implements MigrationInterface {
  name = 'AddScheduling1763683200030';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE scheduled (
      due_at DATETIME(3) NOT NULL, message_id BIGINT UNSIGNED NOT NULL, channel_id INT UNSIGNED NOT NULL,
      PRIMARY KEY (due_at, message_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC`);
    await runner.query('ALTER TABLE fanout ADD COLUMN seq BIGINT UNSIGNED NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE fanout DROP COLUMN seq');
    await runner.query('DROP TABLE scheduled');
  }
}
