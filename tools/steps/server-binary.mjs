import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';

/** Where packages put servers that are not on everybody's PATH. */
const elsewhere = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/libexec',
  '/usr/local/mysql/bin',
  ...['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'].flatMap((brew) =>
    ['', 'opt/mysql', 'opt/mysql@8.4', 'opt/mysql@8.0', 'opt/mariadb'].map((formula) => path.join(brew, formula, 'bin')),
  ),
];

const folders = () => [...new Set([...(process.env.PATH ?? '').split(path.delimiter), ...elsewhere])].filter(Boolean);

export function findProgram(...names) {
  for (const folder of folders()) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Reads `mysqld --version`: which engine it is, and whether Posthorn supports that version. */
export function readVersion(text) {
  const [, major, minor, patch] = (/Ver (\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  if (major === undefined) return undefined;
  const mariadb = /mariadb/i.test(text);
  const number = major * 1e6 + minor * 1e3 + patch;
  return { mariadb, version: `${major}.${minor}.${patch}`, supported: number >= (mariadb ? 10_006_000 : 8_000_031) };
}

function describe(file) {
  const { stdout } = spawnSync(file, ['--no-defaults', '--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = readVersion(stdout ?? '');
  if (!version) return undefined;
  const installer = version.mariadb ? findInstaller(file) : undefined;
  return { file, ...version, installer, usable: version.supported && (!version.mariadb || installer !== undefined) };
}

const findInstaller = (server) =>
  ['mariadb-install-db', 'mysql_install_db']
    .flatMap((name) => [path.join(path.dirname(server), name), path.join(path.dirname(server), '..', 'bin', name)])
    .find(isProgram) ?? findProgram('mariadb-install-db', 'mysql_install_db');

/** The mysqld or mariadbd at `file`; throws when it is none, or one that Posthorn does not support. */
export function serverAt(file) {
  const server = isProgram(file) ? describe(file) : undefined;
  if (!server) throw new Problem(`${file} is not a mysqld or mariadbd that runs here`);
  if (!server.supported) throw new Problem(`${file} is version ${server.version}; needed is MySQL 8.0.31+ or MariaDB 10.6+`);
  if (!server.usable) throw new Problem(`${file} needs mariadb-install-db beside it or on the PATH`);
  return server;
}

/** The first mysqld or mariadbd that Posthorn supports: `TEST_MYSQLD`, then `preferred` (which made the data), then any. */
export function findServerBinary(preferred) {
  const named = [process.env.TEST_MYSQLD, preferred].filter(Boolean);
  const found = folders().flatMap((folder) => ['mysqld', 'mariadbd'].map((name) => path.join(folder, name)));
  for (const file of new Set([...named, ...found])) {
    const server = isProgram(file) ? describe(file) : undefined;
    if (server?.usable) return server;
  }
  return undefined;
}
