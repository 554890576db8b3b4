import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Of which failures of a consumer `consumer.failing` was told: what `failing_since` was then. A new column at the end of a small table, which both servers add
 * without a copy: it waits for open transactions on it and then holds it for some milliseconds.
 */
export class AddFailingTold1763683200037 implements MigrationInterface {
  name = 'AddFailingTold1763683200037';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer ADD COLUMN failing_told DATETIME(3) NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer DROP COLUMN failing_told');
  }
}
