import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which job sent a delivery again last. A new column at the end of `delivery`, which both servers add to all partitions without a copy: it waits for open
 * transactions on the table and then holds it for some milliseconds. Where it is NULL, as in every delivery that is accepted, it takes no bytes.
 */
export class AddDeliveryJob1763683200038 implements MigrationInterface {
  name = 'AddDeliveryJob1763683200038';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE delivery ADD COLUMN job_id BIGINT UNSIGNED NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE delivery DROP COLUMN job_id');
  }
}
