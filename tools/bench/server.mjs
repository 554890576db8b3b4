import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeStateDir } from '../steps/paths.mjs';
import { Problem } from '../steps/problem.mjs';
import { writePrivate } from '../steps/secrets.mjs';
import { connectTo, databaseOf, withDatabase } from '../steps/sql.mjs';

const prefix = 'posthorn_bench_';
const recordFile = () => path.join(makeStateDir('bench'), 'database.json');

export const newDatabaseName = () => `${prefix}${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`;

/** Notes a database before it is made, so that the next run can drop what a killed one left. */
export function noteDatabase(url) {
  writePrivate(recordFile(), JSON.stringify({ url }));
}

export async function dropDatabase(url) {
  const name = databaseOf(url);
  if (!name.startsWith(prefix)) throw new Problem(`${name} is not a database of the benchmark`);
  await using(url, async (connection) => {
    await connection.query('SET SESSION lock_wait_timeout = 30');
    await connection.query('DROP DATABASE IF EXISTS ??', [name]);
  });
  rmSync(recordFile(), { force: true });
}

/** Drops what a killed run left on this very server. */
export async function dropLeftover(serverUrl) {
  if (!existsSync(recordFile())) return;
  const { url } = JSON.parse(readFileSync(recordFile(), 'utf8'));
  if (withDatabase(url) === withDatabase(serverUrl)) await dropDatabase(url);
}

/** The server's version and the settings that decide what a commit costs. */
export async function describeServer({ url, given, pid }) {
  return using(url, async (connection) => {
    const value = async (name) => {
      const [[row]] = await connection.query('SHOW GLOBAL VARIABLES LIKE ?', [name]);
      return row?.Value ?? null;
    };
    const [[{ version }]] = await connection.query('SELECT VERSION() AS version');
    return {
      product: /mariadb/i.test(version) ? 'MariaDB' : 'MySQL',
      version,
      from: given ? 'DATABASE_URL' : pid ? 'private' : 'docker',
      settings: {
        innodb_flush_log_at_trx_commit: await value('innodb_flush_log_at_trx_commit'),
        innodb_buffer_pool_size: await value('innodb_buffer_pool_size'),
        log_bin: await value('log_bin'),
        sync_binlog: await value('sync_binlog'),
      },
    };
  });
}

async function using(url, work) {
  const connection = await connectTo(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
