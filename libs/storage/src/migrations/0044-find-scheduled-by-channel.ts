import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is scheduled on a channel, to be counted up to a limit. Both servers build the index in place: the table is read and written meanwhile, some seconds for a
 * million rows, and locked for some milliseconds at either end.
 */
export class FindScheduledByChannel1763683200044 implements MigrationInterface {
  name = 'FindScheduledByChannel1763683200044';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE scheduled ADD KEY scheduled_by_channel (channel_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE scheduled DROP KEY scheduled_by_channel');
  }
}
