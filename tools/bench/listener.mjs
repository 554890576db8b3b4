import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';

/** The process of this machine, named like a database server, that listens on TCP `port`: its pid, or undefined. Linux only; others have no /proc. */
export function serverListeningOn(port) {
  try {
    const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => inodesOf(readFileSync(file, 'utf8'), port)));
    if (inodes.size === 0) return undefined;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .find((pid) => isServer(pid) && holds(pid, inodes));
  } catch {
    return undefined;
  }
}

/** Inodes of the sockets that listen on `port`, of the text of /proc/net/tcp. */
export function inodesOf(text, port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local.endsWith(suffix) && state === listening)
    .map((fields) => fields[9]);
}

function isServer(pid) {
  try {
    return /^(mysqld|mariadbd)/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'));
  } catch {
    return false;
  }
}

function holds(pid, inodes) {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`)) ?? [];
      return inodes.has(inode);
    });
  } catch {
    return false;
  }
}
