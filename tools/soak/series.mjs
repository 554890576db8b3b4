import { judge } from './trend.mjs';

/**
 * How much each series may rise over the second half of a run: by a share of its height, or by so much, whichever is more. Memory comes and goes with
 * garbage collection, and a percentile with whatever else the machine does.
 */
const ofProcess = {
  residentMiB: { name: 'resident MiB', share: 0.1, least: 16 },
  heapMiB: { name: 'heap MiB', share: 0.25, least: 16 },
  descriptors: { name: 'open files', share: 0.25, least: 32 },
  handles: { name: 'handles', share: 0.1, least: 10 },
  lagMs: { name: 'event loop p99 ms', share: 0.5, least: 20 },
  connections: { name: 'connections', share: 0.1, least: 2 },
};
const ofAll = {
  claimP99Ms: { name: 'claim p99 ms', share: 0.5, least: 10 },
  backlog: { name: 'backlog', share: 0.5, leastSeconds: 5 },
  ready: { name: 'ready rows', share: 0.5, leastSeconds: 5 },
  retry: { name: 'retry rows', share: 0.5, leastSeconds: 5 },
};

/**
 * The series of a run: `{name, points, verdict, growth, allowed}` each. A process that was restarted is judged from its last start on; what waits may
 * rise by five seconds' deliveries.
 */
export function seriesOf(samples, { runSeconds, deliveriesPerSecond }) {
  const names = [...new Set(samples.flatMap(({ processes }) => Object.keys(processes)))];
  const own = names.flatMap((process) =>
    Object.entries(ofProcess).map(([key, limit]) => {
      const points = samples.map(({ seconds, processes }) => [seconds, processes[process]?.[key]]);
      return { name: `${process}: ${limit.name}`, points, ...judge(sinceStart(samples, process, points), limit, runSeconds) };
    }),
  );
  const shared = Object.entries(ofAll).map(([key, { name, share, least, leastSeconds }]) => {
    const points = samples.map((sample) => [sample.seconds, sample[key]]);
    return { name, points, ...judge(points, { share, least: least ?? leastSeconds * deliveriesPerSecond }, runSeconds) };
  });
  return [...own, ...shared].filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
}

/** What was seen of a process since it was last started. */
function sinceStart(samples, process, points) {
  const pid = samples.findLast(({ processes }) => processes[process])?.processes[process].pid;
  return points.filter((_, n) => samples[n].processes[process]?.pid === pid);
}
