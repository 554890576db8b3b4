import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, isFree } from './ports.mjs';
import { Interrupted, Problem } from './problem.mjs';
import { end, isOurs, run, tail } from './processes.mjs';
import { keptSecret, newPassword, writePrivate } from './secrets.mjs';
import { findServerBinary } from './server-binary.mjs';

const startMs = 120_000;
const stopMs = 120_000;
const asRoot = () => (process.getuid?.() === 0 ? ['--user=root'] : []);

/**
 * Starts a MySQL or MariaDB of its own in `dir` (made and initialised when it is new), on `port` of 127.0.0.1 or a free one, and
 * resolves once it answers. It writes durably: what it committed survives kill -9. Starting where one runs already takes that one.
 * Without `survivesPowerLoss` a commit does not wait for the disk. `countStatements` has it keep count of statements and their time. `binary` is a server as `serverAt` or `findServerBinary` describes
 * it; without it, the one that made the data, or any.
 *
 * - `url`: mysql://user:password@127.0.0.1:port, without a database; the user may do everything
 * - `stop()`: clean shutdown; `kill()`: SIGKILL; both resolve when the process is gone, and may be called twice
 * - `alive()`: whether the process is there
 */
export async function startPrivateServer({ dir, port, signal, countStatements, survivesPowerLoss = true, binary } = {}) {
  const home = path.resolve(dir);
  const server = binary ?? findServerBinary(readRecord(home).binary);
  if (!server) throw new Problem('There is no mysqld or mariadbd on this machine (MySQL 8.0.31+, MariaDB 10.6+)');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const password = keptSecret(path.join(home, 'password'), newPassword);
  const running = await takeOver(home, server, port);
  if (running) return handle(home, password, running);
  await initialise(home, server, signal);
  const { record, child } = await launch(home, server, password, { wantedPort: port, signal, countStatements, survivesPowerLoss });
  return handle(home, password, record, child);
}

/** Ends the server of `dir` at once, if one runs, and deletes all that is in `dir`. */
export async function removePrivateServer(dir) {
  const home = path.resolve(dir);
  await end(readRecord(home).pid, words(home), { signal: 'SIGKILL' });
  rmSync(home, { recursive: true, force: true });
}

const recordFile = (home) => path.join(home, 'server.json');
const dataDir = (home) => path.join(home, 'data');

/** What a command line must have in it to be the server of `home`. */
const words = (home) => [`--datadir=${dataDir(home)}`];

function readRecord(home) {
  try {
    return JSON.parse(readFileSync(recordFile(home), 'utf8'));
  } catch {
    return {};
  }
}

/** A server that an earlier run left behind: used when it is what we would start, else ended. */
async function takeOver(home, server, port) {
  const record = readRecord(home);
  if (!isOurs(record.pid, ...words(home))) return undefined;
  const fits = record.binary === server.file && (port === undefined || port === record.port);
  if (fits && (await greets(record.port))) return record;
  await end(record.pid, words(home), { patienceMs: stopMs });
  return undefined;
}

function handle(home, password, { pid, port }, child) {
  const socket = socketPath(home);
  const cleanUp = async () => {
    await reaped(child);
    rmSync(socket, { force: true });
  };
  return {
    url: `mysql://posthorn:${password}@127.0.0.1:${port}`,
    port,
    pid,
    alive: () => isOurs(pid, ...words(home)),
    async stop() {
      const clean = await end(pid, words(home), { patienceMs: stopMs });
      await cleanUp();
      return clean;
    },
    async kill() {
      await end(pid, words(home), { signal: 'SIGKILL' });
      await cleanUp();
    },
  };
}

/** Makes the data directory beside its place and moves it there, so that a half-made one is never used. */
async function initialise(home, server, signal) {
  if (existsSync(dataDir(home))) return;
  const fresh = path.join(home, 'data.new');
  rmSync(fresh, { recursive: true, force: true });
  const [program, args] = server.mariadb
    ? [server.installer, ['--no-defaults', `--datadir=${fresh}`, '--skip-test-db', '--auth-root-authentication-method=normal', ...asRoot()]]
    : [server.file, ['--no-defaults', '--initialize-insecure', `--datadir=${fresh}`, ...asRoot()]];
  await run(program, args, { signal, title: 'Setting up the database files' });
  renameSync(fresh, dataDir(home));
}

async function launch(home, server, password, { wantedPort, signal, countStatements, survivesPowerLoss }) {
  const kept = wantedPort ?? readRecord(home).port;
  const port = wantedPort ?? (kept && (await isFree(kept)) ? kept : await freePort());
  const log = path.join(home, 'server.log');
  rmSync(log, { force: true });
  const child = spawn(
    server.file,
    [
      ...options(home, server, port, writeInitFile(home, server, password), log),
      `--innodb-flush-log-at-trx-commit=${survivesPowerLoss ? 1 : 2}`,
      ...(countStatements && server.mariadb ? counting : []),
    ],
    {
      cwd: home,
      detached: true,
      stdio: 'ignore',
    },
  );
  const failed = new Promise((resolve) => child.once('error', resolve));
  child.unref();
  if (!child.pid) throw new Problem(`${server.file} could not be started: ${(await failed).message}`);
  const record = { pid: child.pid, port, binary: server.file, version: server.version };
  writePrivate(recordFile(home), JSON.stringify(record));
  await answering(home, record, child, signal);
  return { record, child };
}

/** A process that has ended stays in the table until its parent, Node, has asked how. */
async function reaped(child) {
  const isThere = () => child?.exitCode === null && child.signalCode === null;
  while (isThere()) await sleep(5);
}

async function answering(home, { pid, port }, child, signal) {
  const deadline = Date.now() + startMs;
  while (!(await greets(port))) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > deadline || signal?.aborted) {
      await end(pid, words(home), { patienceMs: stopMs });
      await reaped(child);
      if (signal?.aborted) throw new Interrupted();
      throw new Problem(`The database in ${home} did not start:\n${lastLog(home)}`);
    }
    await sleep(50);
  }
}

function lastLog(home) {
  const log = path.join(home, 'server.log');
  return existsSync(log) ? tail(readFileSync(log, 'utf8'), 15) : 'it wrote no log';
}

function options(home, server, port, initFile, log) {
  return [
    '--no-defaults',
    ...asRoot(),
    `--datadir=${dataDir(home)}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${socketPath(home)}`,
    `--pid-file=${path.join(home, 'server.pid')}`,
    `--log-error=${log}`,
    `--init-file=${initFile}`,
    '--skip-name-resolve',
    '--skip-log-bin',
    '--innodb-buffer-pool-size=256M',
    '--max-connections=400',
    '--character-set-server=utf8mb4',
    ...(server.mariadb ? [] : ['--mysqlx=OFF', '--secure-file-priv=NULL']),
  ];
}

/** MySQL counts statements unless told otherwise; of what MariaDB can watch, only statements are. */
const counting = ['--performance-schema=ON', ...['wait', 'stage', 'memory'].map((kind) => `--performance-schema-instrument=${kind}/%=OFF`)];

/** Run by the server before it answers anybody: one user for us, on this machine only; nobody gets in without a password. */
function writeInitFile(home, server, password) {
  const file = path.join(home, 'init.sql');
  const user = "'posthorn'@'127.0.0.1'";
  const statements = [
    `CREATE USER IF NOT EXISTS ${user} IDENTIFIED BY '${password}'`,
    `ALTER USER ${user} IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO ${user} WITH GRANT OPTION`,
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}'`,
    ...(server.mariadb ? ["DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> 'localhost'", 'FLUSH PRIVILEGES'] : []),
  ];
  writePrivate(file, `${statements.join(';\n')};\n`);
  return file;
}

/** Systems allow about 100 characters for a socket's path; a deep clone gets one in a short private folder. */
function socketPath(home) {
  const near = path.join(home, 'server.sock');
  if (Buffer.byteLength(near) <= 95) return near;
  const id = createHash('sha256').update(home).digest('hex').slice(0, 12);
  const folder = path.join(tmpdir(), `posthorn-${id}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const owner = lstatSync(folder);
  if (!owner.isDirectory() || (process.getuid && owner.uid !== userInfo().uid)) throw new Problem(`${folder} belongs to somebody else`);
  chmodSync(folder, 0o700);
  return path.join(folder, 'server.sock');
}

/** A server sends its greeting once it takes connections. */
function greets(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2000 });
    const answer = (value) => {
      socket.destroy();
      resolve(value);
    };
    // The fifth byte of the greeting is the protocol version, always 10.
    socket.once('data', (bytes) => answer(bytes[4] === 10));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => answer(false));
  });
}
