import { scratchDatabases } from '../steps/scratch-databases.mjs';
import { using } from '../steps/sql.mjs';
import { serverListeningOn } from './listener.mjs';

const local = ['127.0.0.1', 'localhost', '[::1]'];

export const { newName: newDatabaseName, note: noteDatabase, drop: dropDatabase, dropLeftover } = scratchDatabases('bench');

/** The server's process, when it is one of this machine; undefined when it is not, or nobody can tell. */
export function processOf({ url, pid }) {
  if (pid) return pid;
  const { hostname, port } = new URL(url);
  return local.includes(hostname) ? serverListeningOn(Number(port || 3306)) : undefined;
}

/** Deliveries in a hot table (fan-outs count as one): not finished yet. Those of `except`, a channel, do not count. */
export async function countUnfinished(connection, database, except = '') {
  const [[{ count }]] = await connection.query(
    `SELECT (SELECT COUNT(*) FROM ??.fanout f JOIN ??.channel h ON h.id = f.channel_id WHERE h.name <> ?)
          + (SELECT COUNT(*) FROM ??.ready r JOIN ??.consumer c ON c.id = r.consumer_id JOIN ??.channel h ON h.id = c.channel_id WHERE h.name <> ?)
          + (SELECT COUNT(*) FROM ??.retry r JOIN ??.consumer c ON c.id = r.consumer_id JOIN ??.channel h ON h.id = c.channel_id WHERE h.name <> ?) AS count`,
    [database, database, except, database, database, database, except, database, database, database, except],
  );
  return Number(count);
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
        performance_schema: await value('performance_schema'),
      },
    };
  });
}
