import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Filters of consumers; `audience_version` counts their changes in the channel's row, which an accepting transaction locks and compares anyway. New columns at
 * the end of small tables, which both servers add without a copy: it waits for open transactions on them and then holds each for some milliseconds.
 */
export class AddFilters1763683200011 implements MigrationInterface {
  name = 'AddFilters1763683200011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer ADD COLUMN filter JSON NULL');
    await runner.query('ALTER TABLE channel ADD COLUMN audience_version INT UNSIGNED NOT NULL DEFAULT 1');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE channel DROP COLUMN audience_version');
    await runner.query('ALTER TABLE consumer DROP COLUMN filter');
  }
}
