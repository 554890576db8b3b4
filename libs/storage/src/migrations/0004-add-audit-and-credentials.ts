import type { MigrationInterface, QueryRunner } from 'typeorm';

const word = (length: number): string => `VARCHAR(${length}) CHARACTER SET ascii COLLATE ascii_bin`;

/**
 * The audit of management writes: one row for each, found by time (its id is minted, so that a time is a range of the primary key) or by key. Small beside
 * the messages, and pruned by the scheduler. A new table: locks nothing that exists.
 *
 * What a consumer's deliveries are signed and authorized with. New columns at the end of a small table, which both servers add without a copy: it waits for
 * open transactions on `consumer` and then holds it for some milliseconds.
 */
export class AddAuditAndCredentials1763683200004 implements MigrationInterface {
  name = 'AddAuditAndCredentials1763683200004';

  async up(runner: QueryRunner): Promise<void> {
    const options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC';
    await runner.query(`CREATE TABLE audit (
      id BIGINT UNSIGNED NOT NULL, at DATETIME(3) NOT NULL, key_id ${word(16)} NOT NULL, key_name VARCHAR(200) NOT NULL,
      method ${word(10)} NOT NULL, route ${word(200)} NOT NULL, resource ${word(500)} NOT NULL, fields JSON NOT NULL,
      status SMALLINT UNSIGNED NOT NULL, request_id ${word(100)} NOT NULL, address ${word(45)} NOT NULL,
      PRIMARY KEY (id), KEY audit_by_key (key_id, id)) ${options}`);
    await runner.query(`ALTER TABLE consumer
      ADD COLUMN signature JSON NULL, ADD COLUMN public_key ${word(60)} NULL, ADD COLUMN former_secrets JSON NULL,
      ADD COLUMN sealed_headers JSON NULL, ADD COLUMN auth JSON NULL, ADD COLUMN tls JSON NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE consumer
      DROP COLUMN signature, DROP COLUMN public_key, DROP COLUMN former_secrets, DROP COLUMN sealed_headers, DROP COLUMN auth, DROP COLUMN tls`);
    await runner.query('DROP TABLE audit');
  }
}
