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

/** The median of every number in results of one shape, however deep; of everything else the first. */
export function medians(results) {
  const first = results.find((value) => value !== undefined);
  if (typeof first === 'number') return median(results.filter((value) => typeof value === 'number'));
  if (typeof first !== 'object' || first === null || Array.isArray(first)) return first;
  const keys = new Set(results.flatMap((result) => Object.keys(result ?? {})));
  return Object.fromEntries([...keys].map((key) => [key, medians(results.map((result) => result?.[key]))]));
}

/**
 * Compares what was acknowledged with what arrived. `load` and `sink` are the reports of the two processes; the measurement is the time from
 * `load.from` to `load.until`, and only messages acknowledged in it count for rates and latencies. `copies[n]` is how many consumers a message on
 * path n has; those on a path with none are nobody's here.
 */
export function tally(load, sink, copies) {
  const { from, until } = load;
  const seconds = (until - from) / 1000;
  const messages = acknowledged(load, copies);
  const arrived = matchArrivals(messages, sink.consumers, { from, until });
  const all = [...messages.values()];
  const measured = all.filter(({ counts }) => counts);
  const owed = sum(all, ({ early, expected }) => (early ? expected : 0));
  return {
    seconds,
    acceptedPerSecond: measured.length / seconds,
    deliveredPerSecond: arrived.delivered / seconds,
    backlog: owed - sum(all, ({ inTime }) => inTime),
    drainSeconds: (arrived.lastAt - until) / 1000,
    acknowledged: all.length,
    missing: sum(all, ({ expected, came }) => Math.max(0, expected - came)),
    duplicates: sum(sink.consumers, ({ duplicates }) => duplicates),
    strangers: sink.strangers,
    errors: sum(Object.values(load.errors), (count) => count),
    ...latencies(
      measured.map(({ due, ackedAt }) => ackedAt - due),
      arrived.waits,
    ),
    lateP99Ms: percentile(load.late, 0.99) ?? 0,
  };
}

const sum = (list, number) => list.reduce((total, one) => total + number(one), 0);

function acknowledged({ from, until, numbers, paths, times }, copies) {
  const messages = new Map();
  for (const [index, number] of numbers.entries()) {
    const expected = copies[paths[index]];
    const [due, ackedAt] = [times[2 * index], times[2 * index + 1]];
    const early = ackedAt < until;
    if (expected > 0) messages.set(number, { due, ackedAt, expected, early, counts: early && ackedAt >= from, came: 0, inTime: 0 });
  }
  return messages;
}

/** A message that nobody acknowledged to us may arrive all the same: it was delivered, but was not owed. */
function matchArrivals(messages, consumers, { from, until }) {
  const arrived = { delivered: 0, lastAt: until, waits: [] };
  for (const { numbers, times } of consumers) {
    for (const [index, number] of numbers.entries()) {
      const at = times[index];
      if (at >= from && at < until) arrived.delivered += 1;
      if (at > arrived.lastAt) arrived.lastAt = at;
      const message = messages.get(number);
      if (!message) continue;
      message.came += 1;
      if (message.early && at < until) message.inTime += 1;
      if (message.counts) arrived.waits.push(at - message.due);
    }
  }
  return arrived;
}

function latencies(acks, waits) {
  return {
    ackP50Ms: percentile(acks, 0.5),
    ackP99Ms: percentile(acks, 0.99),
    arrivalP50Ms: percentile(waits, 0.5),
    arrivalP99Ms: percentile(waits, 0.99),
  };
}
