import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Channels, producers, consumers, keys, nodes and the leader. New tables only: locks nothing that exists. */
export class CreateRegistry1763683200001 implements MigrationInterface {
  name = 'CreateRegistry1763683200001';

  async up(runner: QueryRunner): Promise<void> {
    const name = 'VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin';
    const stamps = `created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)`;
    const options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC';
    await runner.query(`CREATE TABLE channel (
      id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name ${name} NOT NULL, description VARCHAR(1000) NOT NULL DEFAULT '',
      retry JSON NULL, retention_days SMALLINT UNSIGNED NULL, version INT UNSIGNED NOT NULL DEFAULT 1, ${stamps},
      UNIQUE KEY channel_by_name (name)) ${options}`);
    await runner.query(`CREATE TABLE producer (
      id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name ${name} NOT NULL, description VARCHAR(1000) NOT NULL DEFAULT '',
      version INT UNSIGNED NOT NULL DEFAULT 1, ${stamps}, UNIQUE KEY producer_by_name (name)) ${options}`);
    await runner.query(`CREATE TABLE consumer (
      id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, channel_id INT UNSIGNED NOT NULL, name ${name} NOT NULL,
      description VARCHAR(1000) NOT NULL DEFAULT '', type VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, url VARCHAR(2048) NULL,
      timeout_ms INT UNSIGNED NULL, max_in_flight SMALLINT UNSIGNED NULL, retry JSON NULL, headers JSON NULL,
      signing_secret VARCHAR(500) NOT NULL, paused_at DATETIME(3) NULL, disabled_at DATETIME(3) NULL, disabled_reason VARCHAR(100) NULL,
      version INT UNSIGNED NOT NULL DEFAULT 1, ${stamps}, UNIQUE KEY consumer_by_name (channel_id, name), KEY consumer_by_channel (channel_id, id)) ${options}`);
    await runner.query(`CREATE TABLE api_key (
      id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, secret_hash BINARY(32) NOT NULL, name VARCHAR(200) NOT NULL,
      scopes JSON NOT NULL, producer_id INT UNSIGNED NULL, expires_at DATETIME(3) NULL, revoked_at DATETIME(3) NULL,
      created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), KEY api_key_newest (created_at, id)) ${options}`);
    await runner.query(`CREATE TABLE node (
      number SMALLINT UNSIGNED NOT NULL PRIMARY KEY, token CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
      kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL, host VARCHAR(255) NULL, pid INT UNSIGNED NULL, nudge_addr VARCHAR(100) NULL,
      horizon_ms BIGINT UNSIGNED NOT NULL DEFAULT 0, started_at DATETIME(3) NULL, heartbeat_at DATETIME(3) NOT NULL DEFAULT '2000-01-01') ${options}`);
    await runner.query('INSERT INTO node (number) VALUES ?', [Array.from({ length: 1024 }, (_, number) => [number])]);
    await runner.query(`CREATE TABLE leader (
      name VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, node_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
      epoch BIGINT UNSIGNED NOT NULL DEFAULT 0, expires_at DATETIME(3) NOT NULL DEFAULT '2000-01-01') ${options}`);
    await runner.query(`INSERT INTO leader (name) VALUES ('failsafe')`);
    await runner.query(`CREATE TABLE self_test (id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY) ${options}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE self_test, leader, node, api_key, consumer, producer, channel');
  }
}
