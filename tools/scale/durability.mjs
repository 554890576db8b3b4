import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../steps/problem.mjs';
import { connectTo } from '../steps/sql.mjs';

const mostCalmMs = 90_000;
/** Of the pages in the buffer pool: others may use a server that was given, so it is never quite clean. */
const cleanShare = 0.02;

/**
 * Runs `work` while the server's commits need not reach the disk, for rows that are there to be measured and then dropped. Only on a server of our own;
 * one that was given keeps its settings.
 */
export async function relaxed(server, work) {
  if (!server.pid) return work();
  const set = (value) => using(server.url, (connection) => connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = ?', [value]));
  await set(0);
  try {
    return await work();
  } finally {
    await set(1);
  }
}

/**
 * Waits until nearly all pages that loading changed are on disk, so that writing them is not measured; at most 90 s. A server of our own is told to
 * hurry meanwhile.
 */
export async function calm(server, { signal, detail = () => {} }) {
  await using(server.url, async (connection) => {
    const status = async (name) => Number((await connection.query('SHOW GLOBAL STATUS LIKE ?', [name]))[0][0]?.Value);
    const settings = server.pid ? await hurry(connection) : [];
    try {
      for (const deadline = Date.now() + mostCalmMs; Date.now() < deadline; await sleep(500)) {
        if (signal.aborted) throw new Interrupted();
        const dirty = await status('Innodb_buffer_pool_pages_dirty');
        if (dirty <= cleanShare * (await status('Innodb_buffer_pool_pages_total'))) return;
        detail(`${dirty} pages to write`);
      }
    } finally {
      for (const [name, value] of settings) await connection.query(`SET GLOBAL ${name} = ?`, [value]);
    }
  });
}

/** Returns what to set again afterwards, in that order. */
async function hurry(connection) {
  const wanted = [
    ['innodb_io_capacity_max', 10_000],
    ['innodb_io_capacity', 10_000],
    ['innodb_max_dirty_pages_pct', 0],
  ];
  const before = [];
  for (const [name, value] of wanted) {
    const [[{ Value }]] = await connection.query('SHOW GLOBAL VARIABLES LIKE ?', [name]);
    await connection.query(`SET GLOBAL ${name} = ?`, [value]);
    before.unshift([name, Number(Value)]);
  }
  return before;
}

async function using(url, work) {
  const connection = await connectTo(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
