import { Problem } from './problem.mjs';

/** mysql2 comes with the dependencies, which are not there when this file is first read. */
export async function connectTo(url) {
  const { createConnection } = await import('mysql2/promise');
  const { hostname, port, username, password, searchParams } = new URL(url);
  return createConnection({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ssl: searchParams.get('ssl') === 'true' ? {} : undefined,
    connectTimeout: 10_000,
  });
}

/** Runs `work` on a connection of its own. */
export async function using(url, work) {
  const connection = await connectTo(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/** Whether the server lets us in. */
export async function accepts(url) {
  try {
    const connection = await connectTo(url);
    await connection.end();
    return true;
  } catch {
    return false;
  }
}

export const databaseOf = (url) => decodeURIComponent(new URL(url).pathname.slice(1));

/** The same server with another database, or with none. */
export function withDatabase(url, name = '') {
  const changed = new URL(url);
  changed.pathname = name && `/${encodeURIComponent(name)}`;
  return String(changed);
}

/** Makes the database of `url` unless it is there; a user who may not is fine when it is. */
export async function ensureDatabase(url) {
  const name = databaseOf(url);
  const connection = await connectTo(url).catch((error) => {
    throw new Problem(`Cannot log in to the database at ${new URL(url).host}: ${error.message || error.code}`);
  });
  try {
    const [found] = await connection.query('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [name]);
    if (found.length === 0) await connection.query('CREATE DATABASE ?? CHARACTER SET utf8mb4', [name]);
  } catch (error) {
    throw new Problem(`Cannot create the database ${name}: ${error.message}`);
  } finally {
    await connection.end();
  }
}
