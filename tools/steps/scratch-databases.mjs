import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { makeStateDir } from './paths.mjs';
import { Problem } from './problem.mjs';
import { writePrivate } from './secrets.mjs';
import { databaseOf, using, withDatabase } from './sql.mjs';

/** Databases that a tool makes for itself on a server, and drops: its own and those that a killed run of it left. */
export function scratchDatabases(tool) {
  const prefix = `posthorn_${tool}_`;
  const recordFile = () => path.join(makeStateDir(tool), 'databases.json');
  const noted = () => (existsSync(recordFile()) ? JSON.parse(readFileSync(recordFile(), 'utf8')).urls : []);
  const record = (urls) => writePrivate(recordFile(), JSON.stringify({ urls }));

  async function drop(url) {
    const name = databaseOf(url);
    if (!name.startsWith(prefix)) throw new Problem(`${name} is not a database of npm run ${tool}`);
    await using(url, async (connection) => {
      await connection.query('SET SESSION lock_wait_timeout = 30');
      await connection.query('DROP DATABASE IF EXISTS ??', [name]);
    });
    record(noted().filter((other) => other !== url));
  }

  return {
    newName: () => `${prefix}${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`,

    /** Notes a database before it is made, so that the next run can drop what a killed one left. */
    note: (url) => record([...noted(), url]),

    drop,

    /** Drops what a killed run left on this very server. */
    dropLeftover: async (serverUrl) => {
      const here = noted().filter((url) => withDatabase(url) === withDatabase(serverUrl));
      for (const url of here) await drop(url);
    },
  };
}
