import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Until when a consumer asked to be left alone. A new column at the end of a small table, which both servers add without a copy. */
export class AddHold1763683200010 implements MigrationInterface {
  name = 'AddHold1763683200010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer ADD COLUMN hold_until DATETIME(3) NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer DROP COLUMN hold_until');
  }
}
