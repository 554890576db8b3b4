import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { nowMs } from './clock.mjs';

const linux = process.platform === 'linux';
const sampleEveryMs = 1000;
/** Linux tells all programs the same unit, whatever the kernel counts in. */
const ticksPerSecond = 100;

/** CPU time and peak memory of named processes; a name may stand for several. */
export class Usage {
  #processes;
  #peakKiB = new Map();
  #timer;

  /** `processes`: `{name, pid}` each. */
  constructor(processes) {
    this.#processes = processes;
    for (const { pid } of processes) forgetPeak(pid);
    // Linux keeps the peak by itself.
    if (!linux) this.#timer = setInterval(() => this.sample(), sampleEveryMs);
  }

  /** CPU seconds used so far, by name, and of the whole machine. */
  sample() {
    const byName = {};
    for (const { name, pid } of this.#processes) {
      const { cpuSeconds, peakKiB } = read(pid);
      byName[name] = (byName[name] ?? 0) + cpuSeconds;
      this.#peakKiB.set(pid, Math.max(peakKiB, this.#peakKiB.get(pid) ?? 0));
    }
    return { at: nowMs(), byName, machine: machineSeconds() };
  }

  /** Peak resident memory in MiB by name: of several processes, the sum. */
  peaks() {
    const byName = {};
    for (const { name, pid } of this.#processes) byName[name] = (byName[name] ?? 0) + (this.#peakKiB.get(pid) ?? 0) / 1024;
    return byName;
  }

  stop() {
    clearInterval(this.#timer);
  }
}

/** CPU seconds between two samples; `others` is what the rest of the machine used meanwhile, and `elsewhere` its share of the machine. */
export function between(before, after) {
  const cpuSeconds = Object.fromEntries(Object.entries(after.byName).map(([name, seconds]) => [name, seconds - before.byName[name]]));
  const ours = Object.values(cpuSeconds).reduce((sum, seconds) => sum + seconds, 0);
  cpuSeconds.others = Math.max(0, after.machine - before.machine - ours);
  return { cpuSeconds, elsewhere: cpuSeconds.others / ((availableParallelism() * (after.at - before.at)) / 1000) };
}

/** A database server outlives a measurement: its peak is to be that of this one. Only its owner may do this; else the peak is since it started. */
function forgetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // not ours, or not Linux
  }
}

function machineSeconds() {
  if (!linux) return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
  const [user, nice, system, , , irq, softirq] = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))[1].split(' ').map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

function read(pid) {
  try {
    return linux ? readProc(pid) : readPs(pid);
  } catch {
    return { cpuSeconds: 0, peakKiB: 0 };
  }
}

function readProc(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets and may hold anything; the third begins after the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    peakKiB: Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0),
  };
}

function readPs(pid) {
  const [time, rss] = execFileSync('ps', ['-o', 'time=,rss=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
  const [, days = 0, clock] = /^(?:(\d+)-)?(.*)$/.exec(time);
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuSeconds: Number(days) * 86_400 + seconds, peakKiB: Number(rss) };
}
