import { connectTo, databaseOf } from '../steps/sql.mjs';

async function open(url) {
  const connection = await connectTo(url);
  await connection.query('USE ??', [databaseOf(url)]);
  return connection;
}

async function using(url, work) {
  const connection = await open(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/** The numbers by which the tables know a channel and its two consumers. */
export const consumerIds = (url, channel) =>
  using(url, async (connection) => {
    const [rows] = await connection.query(
      'SELECT h.id AS channelId, c.id, c.name FROM consumer c JOIN channel h ON h.id = c.channel_id WHERE h.name = ?',
      [channel],
    );
    return { channelId: rows[0].channelId, ...Object.fromEntries(rows.map(({ id, name }) => [name, id])) };
  });

/** Opens a snapshot as a long report or a forgotten session would; InnoDB keeps every row version since then until it is released. */
export async function holdSnapshot(url) {
  const connection = await open(url);
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  await connection.query('SELECT 1 FROM ready LIMIT 1');
  return {
    async release() {
      await connection.query('COMMIT');
      await connection.end();
    },
  };
}

/** Changes whose old versions are not purged; of the whole server. Undefined when we may not ask. */
export const historyListLength = (url) =>
  using(url, async (connection) => {
    const [[status]] = await connection.query(`SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'`);
    if (status) return Number(status.Value);
    const [[metric]] = await connection
      .query(`SELECT \`COUNT\` AS length FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'`)
      .catch(() => [[]]);
    return metric && Number(metric.length);
  });
