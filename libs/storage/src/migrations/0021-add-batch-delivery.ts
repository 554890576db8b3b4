import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How messages are posted together. A new column at the end of a small table, which both servers add without a copy. */
export class AddBatchDelivery1763683200021 implements MigrationInterface {
  name = 'AddBatchDelivery1763683200021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer ADD COLUMN batch JSON NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE consumer DROP COLUMN batch');
  }
}
