/** The value below which `share` of the numbers lie; undefined when there are none. */
export function percentile(numbers, share) {
  if (numbers.length === 0) return undefined;
  const sorted = Float64Array.from(numbers).toSorted();
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of every number in results of one shape, however deep. */
export function medians(results) {
  const [first] = results;
  if (typeof first === 'number') return median(results.filter((value) => typeof value === 'number'));
  if (typeof first !== 'object' || first === null) return first;
  return Object.fromEntries(Object.keys(first).map((key) => [key, medians(results.map((result) => result?.[key]))]));
}

/**
 * Compares what was acknowledged with what arrived. `load` and `sink` are the reports of the two processes; the measurement is the time
 * from `load.from` to `load.until`, and only messages acknowledged in it count for the latencies.
 */
export function tally(load, sink, fanout) {
  const { from, until } = load;
  const seconds = (until - from) / 1000;
  const ids = load.ids === '' ? [] : load.ids.split(' ');
  const arrivals = sink.consumers.map(({ ids: names, times }) => new Map(names.split(' ').map((id, n) => [id, times[n]])));
  const acks = [];
  const waits = [];
  let missing = 0;
  let accepted = 0;
  let owed = 0;
  let lastAt = until;
  for (const [n, id] of ids.entries()) {
    const dueAt = load.times[2 * n];
    const ackedAt = load.times[2 * n + 1];
    const counts = ackedAt >= from && ackedAt < until;
    if (counts) {
      accepted += 1;
      acks.push(ackedAt - dueAt);
    }
    missing += fanout - arrivals.length;
    for (const seen of arrivals) {
      const at = seen.get(id);
      if (at === undefined) missing += 1;
      else if (counts) waits.push(at - dueAt);
      if (ackedAt < until && !(at < until)) owed += 1;
      if (at > lastAt) lastAt = at;
    }
  }
  const delivered = arrivals.reduce((sum, seen) => sum + countBetween(seen.values(), from, until), 0);
  return {
    acceptedPerSecond: accepted / seconds,
    deliveredPerSecond: delivered / seconds,
    backlog: owed + ids.length * (fanout - arrivals.length),
    drainSeconds: (lastAt - until) / 1000,
    acknowledged: ids.length,
    missing,
    duplicates: sink.duplicates,
    errors: Object.values(load.errors).reduce((sum, count) => sum + count, 0),
    ackP50Ms: percentile(acks, 0.5),
    ackP99Ms: percentile(acks, 0.99),
    arrivalP50Ms: percentile(waits, 0.5),
    arrivalP99Ms: percentile(waits, 0.99),
    lateP99Ms: percentile(load.late, 0.99) ?? 0,
  };
}

function countBetween(times, from, until) {
  let count = 0;
  for (const at of times) if (at >= from && at < until) count += 1;
  return count;
}
