/** The samples of a page of metrics in Prometheus' text format: `{name, labels, value}` each. */
export function parseMetrics(text) {
  return text
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => {
      const [, name, , labels = '', value] = /^([a-zA-Z_:][\w:]*)(\{(.*)\})? (\S+)/.exec(line);
      return {
        name,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, word]) => [key, word])),
        value: Number(value),
      };
    });
}

/** The sum over all labels, or over those samples that have `labels`; undefined when there is none. */
export function valueOf(samples, name, labels = {}) {
  const found = samples.filter((one) => one.name === name && Object.entries(labels).every(([key, word]) => one.labels[key] === word));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** How many observations lay at or below each limit: `[[limit, count], …]`, ascending, the last limit Infinity. */
export function bucketsOf(samples, name) {
  return samples
    .filter((one) => one.name === `${name}_bucket`)
    .map(({ labels, value }) => [labels.le === '+Inf' ? Infinity : Number(labels.le), value])
    .toSorted(([a], [b]) => a - b);
}

/**
 * The value below which `share` of what was observed between two looks at a histogram lies, by linear interpolation within its bucket as
 * Prometheus' histogram_quantile does it; undefined when nothing was. A process that began anew has fewer than before: all it has counts.
 */
export function quantileBetween(before, after, share) {
  const fresh = before.length === 0 || after.at(-1)?.[1] < before.at(-1)?.[1];
  const counts = after.map(([limit, count], n) => [limit, count - (fresh ? 0 : (before[n]?.[1] ?? 0))]);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = share * total;
  const index = counts.findIndex(([, count]) => count >= wanted);
  const [limit, count] = counts[index];
  const [low, below] = index === 0 ? [0, 0] : counts[index - 1];
  if (limit === Infinity) return low;
  return low + ((limit - low) * (wanted - below)) / (count - below);
}
