import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Resident memory of a process in MiB; undefined when it is not there. */
export function residentMiB(pid) {
  try {
    if (process.platform === 'linux') return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
  } catch {
    return undefined;
  }
}

/** Of named processes, `{name: MiB}`; those of one name are added up. */
export function memoryOf(processes) {
  const byName = {};
  for (const { name, pid } of processes) byName[name] = (byName[name] ?? 0) + (residentMiB(pid) ?? 0);
  return byName;
}
