const lineForm = /^(posthorn_\w+_total)(?:\{([^}]*)\})? (\S+)$/;

/** The counters of Posthorn in a Prometheus text: `name{labels}` → value. */
export function readCounters(text) {
  const counters = new Map();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = lineForm.exec(line) ?? [];
    if (name) counters.set(`${name}{${labels}}`, Number(value));
  }
  return counters;
}

/**
 * Counters of processes that come and go: those of a dead one stay as they were seen last. What a process counted between the last look and its
 * death is lost, so sums are lower bounds.
 */
export class Counters {
  #seen = new Map();

  /** `process` is anything that stands for one run of one process. */
  see(process, text) {
    this.#seen.set(process, readCounters(text));
  }

  /** The sum of a counter over all processes and labels, or those whose labels have `label` in them. */
  sum(name, label = '') {
    let sum = 0;
    for (const counters of this.#seen.values())
      for (const [key, value] of counters) if (key.startsWith(`${name}{`) && key.includes(label)) sum += value;
    return sum;
  }

  /** The values of one label of a counter, each with its sum. */
  by(name, label) {
    const sums = {};
    for (const counters of this.#seen.values()) {
      for (const [key, value] of counters) {
        const [, found] = key.startsWith(`${name}{`) ? (new RegExp(`${label}="([^"]*)"`).exec(key) ?? []) : [];
        if (found !== undefined && value > 0) sums[found] = (sums[found] ?? 0) + value;
      }
    }
    return sums;
  }
}
