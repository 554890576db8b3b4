import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone. */
export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** Everything the tools keep: data, keys, logs. Only its owner may look inside. */
export const stateDir = path.join(root, '.posthorn');

export function makeStateDir(...parts) {
  const directory = path.join(stateDir, ...parts);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

export const apps = ['ingest-api', 'dispatcher', 'failsafe-scheduler'];

export const mainOf = (app) => path.join(root, 'dist', 'apps', app, 'src', 'main.js');

export const migrateMain = path.join(root, 'dist', 'libs', 'storage', 'src', 'migrate.main.js');
