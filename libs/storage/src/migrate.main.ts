import { DatabaseError } from './errors.js';
import { migrate } from './migrate.js';
import { readFileSync } from 'node:fs';

const file = process.env['DATABASE_URL_FILE'];
const url = process.env['DATABASE_URL'] ?? (file ? readFileSync(file, 'utf8').trim() : undefined);
if (!url || !URL.canParse(url)) {
  process.stderr.write('DATABASE_URL (or DATABASE_URL_FILE) must be set: mysql://user:password@host:port/database\n');
  process.exit(78);
}
try {
  const ran = await migrate(url);
  process.stdout.write(ran.length > 0 ? `migrated: ${ran.join(', ')}\n` : 'the schema is up to date\n');
} catch (error) {
  const hint =
    error instanceof DatabaseError && error.errno === 1044
      ? '; the user needs CREATE, ALTER, DROP, INDEX and REFERENCES on the database'
      : '';
  process.stderr.write(`migration failed: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
  process.exit(1);
}
