import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How much a key may do, and how much of a channel may be unfinished. New columns at the end of small tables, which both servers add without a copy: it waits for
 * open transactions on them and then holds each for some milliseconds.
 */
export class AddKeyRates1763683200031 implements MigrationInterface {
  name = 'AddKeyRates1763683200031';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE api_key ADD COLUMN rate_limit JSON NULL');
    await runner.query('ALTER TABLE channel ADD COLUMN max_backlog INT UNSIGNED NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE channel DROP COLUMN max_backlog');
    await runner.query('ALTER TABLE api_key DROP COLUMN rate_limit');
  }
}
