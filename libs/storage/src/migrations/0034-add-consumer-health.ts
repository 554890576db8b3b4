import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The circuit breaker of a consumer, since when it fails, and the channel of Posthorn's own events. New columns at the end of small tables, which both servers
 * add without a copy, and an index of `consumer` that holds the open breakers, made in place: each waits for open transactions on its table and then holds
 * it for some milliseconds.
 *
 * The channel has the id 0, so that those who write events need not look for it, and no other channel's id is taken by it.
 */
export class AddConsumerHealth1763683200034 implements MigrationInterface {
  name = 'AddConsumerHealth1763683200034';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE consumer
      ADD COLUMN breaker JSON NULL, ADD COLUMN breaker_until DATETIME(3) NULL, ADD COLUMN breaker_opened_at DATETIME(3) NULL,
      ADD COLUMN breaker_reason VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL, ADD COLUMN breaker_openings SMALLINT UNSIGNED NOT NULL DEFAULT 0,
      ADD COLUMN breaker_passed SMALLINT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN breaker_probe BIGINT UNSIGNED NULL,
      ADD COLUMN breaker_epoch INT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN failing_since DATETIME(3) NULL,
      ADD COLUMN failing_attempts INT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN disable_after_seconds INT UNSIGNED NULL`);
    await runner.query('ALTER TABLE consumer ADD KEY consumer_by_breaker (breaker_until)');
    await runner.query('ALTER TABLE channel ADD COLUMN disable_after_seconds INT UNSIGNED NULL');
    await runner.query(`INSERT INTO channel (name, description) VALUES ('posthorn.events', 'What happens in Posthorn: docs/events.md')`);
    await runner.query(`UPDATE channel SET id = 0 WHERE name = 'posthorn.events'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM consumer WHERE channel_id = 0');
    await runner.query('DELETE FROM fanout WHERE channel_id = 0');
    await runner.query('DELETE FROM channel WHERE id = 0');
    await runner.query('ALTER TABLE channel DROP COLUMN disable_after_seconds');
    await runner.query('ALTER TABLE consumer DROP KEY consumer_by_breaker');
    await runner.query(`ALTER TABLE consumer
      DROP COLUMN breaker, DROP COLUMN breaker_until, DROP COLUMN breaker_opened_at, DROP COLUMN breaker_reason, DROP COLUMN breaker_openings,
      DROP COLUMN breaker_passed, DROP COLUMN breaker_probe, DROP COLUMN breaker_epoch, DROP COLUMN failing_since, DROP COLUMN failing_attempts,
      DROP COLUMN disable_after_seconds`);
  }
}
