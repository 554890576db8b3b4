import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The place in the lanes of what was scheduled and waits behind others of its key for its fan-out, as `fanout.seq` says it of those in front; 0: the message's id.
 * A new column at the end, which both servers add without a copy: it waits for open transactions on `fanout_waiting` and then holds it for some milliseconds.
 */
export class KeepPlacesOfFanouts1763683200043 implements MigrationInterface {
  name = 'KeepPlacesOfFanouts1763683200043';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE fanout_waiting ADD COLUMN lane_seq BIGINT UNSIGNED NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE fanout_waiting DROP COLUMN lane_seq');
  }
}
