import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { run } from './processes.mjs';
import { findProgram, findServerBinary } from './server-binary.mjs';

/** On Debian and Ubuntu a package may start its service unless this file says no. */
const policy = '/usr/sbin/policy-rc.d';

export const canInstall = () => process.getuid?.() === 0 && existsSync('/etc/debian_version') && findProgram('apt-get') !== undefined;

/** Installs MariaDB's programs, best without its service; says whether a server is there now. */
export async function installServer({ signal, detail }) {
  const apt = (...args) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
      signal,
      title: `apt-get ${args[0]}`,
      onLine: (line) => detail(line.trim()),
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    });
  await apt('update');
  const reasons = [];
  for (const packages of [['mariadb-server-core', 'mariadb-client-core'], ['mariadb-server']]) {
    try {
      await withoutServices(() => apt('install', '--yes', '--no-install-recommends', ...packages));
      if (findServerBinary()) return;
      reasons.push(`${packages.join(' ')} brought no usable server`);
    } catch (error) {
      if (signal?.aborted) throw error;
      reasons.push(error.message);
    }
  }
  throw new Error(reasons.join('\n'));
}

async function withoutServices(work) {
  if (existsSync(policy)) return work();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  try {
    return await work();
  } finally {
    rmSync(policy, { force: true });
  }
}
