import { existsSync } from 'node:fs';
import path from 'node:path';
import { canInstall, installServer } from './apt.mjs';
import { hasDocker, startContainer } from './docker.mjs';
import { makeStateDir } from './paths.mjs';
import { Interrupted, Problem } from './problem.mjs';
import { startPrivateServer } from './private-server.mjs';
import { say, step } from './progress.mjs';
import { secretFromEnv } from './secrets.mjs';
import { findServerBinary } from './server-binary.mjs';

export { startPrivateServer } from './private-server.mjs';
export { findServerBinary } from './server-binary.mjs';

/**
 * Finds a server in the documented order: DATABASE_URL, a mysqld or mariadbd here, Docker, apt-get; what it starts keeps its data in
 * `.posthorn/<name>`. Resolves with `url` (with a database only when DATABASE_URL had one), `stop()`, and for a server of our own
 * `alive()` and `restart()`. `countStatements` and `survivesPowerLoss` are for a server of our own, as in `startPrivateServer`.
 */
export async function findDatabase(name, { signal, countStatements, survivesPowerLoss } = {}) {
  const given = secretFromEnv('DATABASE_URL');
  if (given) return { url: checkUrl(given), stop: async () => {}, given: true };
  const dir = makeStateDir(name);
  const reasons = [];
  const attempt = async (work) => {
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || error instanceof Interrupted) throw new Interrupted();
      reasons.push(error.message);
      return undefined;
    }
  };
  const own = () => ownServer(dir, { signal, countStatements, survivesPowerLoss });
  const madeInDocker = existsSync(path.join(dir, 'docker-data')) && !existsSync(path.join(dir, 'data'));
  const server =
    (madeInDocker && hasDocker() ? await attempt(() => inDocker(dir, signal)) : undefined) ??
    (findServerBinary() && (await attempt(own))) ??
    (hasDocker() ? await attempt(() => inDocker(dir, signal)) : undefined) ??
    (canInstall() && !findServerBinary() ? await attempt(() => fromPackages(own, signal)) : undefined);
  if (!server) throw new Problem([...reasons, advice()].join('\n\n'));
  for (const reason of reasons) say(`  (tried first: ${reason})`);
  return server;
}

function checkUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'mysql:') throw new Problem('DATABASE_URL must look like mysql://user:password@host:3306/posthorn');
  return text;
}

async function ownServer(dir, options) {
  const { mariadb, version, file } = findServerBinary();
  const server = await step(`Starting ${mariadb ? 'MariaDB' : 'MySQL'} ${version} (${file}) in ${dir}`, () =>
    startPrivateServer({ ...options, dir }),
  );
  return { ...server, restart: () => startPrivateServer({ ...options, dir, port: server.port, signal: undefined }) };
}

const inDocker = (dir, signal) =>
  step('Starting MySQL 8.4 in Docker', (detail) => startContainer({ dir, signal, detail: (line) => detail(line.trim()) }));

async function fromPackages(own, signal) {
  await step('Installing MariaDB (apt-get; its service is not started)', (detail) => installServer({ signal, detail }));
  return own();
}

function advice() {
  const how = {
    darwin: 'brew install mysql',
    win32: 'Docker Desktop (https://docs.docker.com/desktop/), or work in WSL',
    linux: [
      ['/etc/debian_version', 'sudo apt-get install mariadb-server-core mariadb-client-core'],
      ['/etc/fedora-release', 'sudo dnf install mariadb-server'],
      ['/etc/redhat-release', 'sudo dnf install mariadb-server'],
      ['/etc/arch-release', 'sudo pacman -S mariadb'],
      ['/etc/alpine-release', 'sudo apk add mariadb'],
      ['/etc/SuSE-release', 'sudo zypper install mariadb'],
    ].find(([file]) => existsSync(file))?.[1],
  }[process.platform];
  return [
    'Posthorn needs a MySQL (8.0.31 or newer) or MariaDB (10.6 or newer) and found none. Any of these will do:',
    '  · DATABASE_URL=mysql://user:password@host:3306/posthorn for one that runs somewhere',
    `  · the server's program on this machine${how ? `: ${how}` : ''}`,
    '  · a running Docker',
  ].join('\n');
}
