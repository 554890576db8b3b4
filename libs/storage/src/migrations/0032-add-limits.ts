import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How fast a consumer may be posted to, always and while a backlog is worked off, and whether a channel obeys priorities. New columns at the end of small
 * tables, which both servers add without a copy: each waits for open transactions on its table and then holds it for some milliseconds.
 */
export class AddLimits1763683200032 implements MigrationInterface {
  name = 'AddLimits1763683200032';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE consumer ADD COLUMN rate_limit JSON NULL, ADD COLUMN resume_rate DOUBLE NULL, ADD COLUMN resumed_at DATETIME(3) NULL',
    );
    await runner.query('ALTER TABLE channel ADD COLUMN priorities TINYINT(1) NOT NULL DEFAULT 1');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE channel DROP COLUMN priorities');
    await runner.query('ALTER TABLE consumer DROP COLUMN resumed_at, DROP COLUMN resume_rate, DROP COLUMN rate_limit');
  }
}
