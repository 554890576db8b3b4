import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A delivery begins with the HTTP code 0, which is read as none: a row that stays as long as it was is changed in place, at two thirds of the cost
 * (docs/decisions/0012). Both servers change the default alone; rows that are there keep their NULL, which is read alike.
 */
export class ReserveHttpCode1763683200045 implements MigrationInterface {
  name = 'ReserveHttpCode1763683200045';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE delivery ALTER COLUMN http_code SET DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE delivery ALTER COLUMN http_code SET DEFAULT NULL');
  }
}
