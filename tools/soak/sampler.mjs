import { nowMs } from '../bench/clock.mjs';
import { bucketsOf, parseMetrics, quantileBetween, valueOf } from './prometheus.mjs';

const answerWithinMs = 4000;
const mebibyte = 2 ** 20;
const claims = 'posthorn_claim_seconds';

/** Looks at every process and at what is under way, every few seconds. */
export class Sampler {
  /** `{seconds, processes: {name: {pid, …}}, claimP99Ms, backlog, ready, retry}` each; what could not be seen is undefined. */
  samples = [];
  #broker;
  #backlog;
  #startedAt = nowMs();
  #buckets = new Map();
  #timer;
  #looking;

  /** `backlog()` resolves with how many deliveries of acknowledged messages have not arrived. */
  constructor(broker, backlog) {
    this.#broker = broker;
    this.#backlog = backlog;
  }

  start(everySeconds) {
    this.#startedAt = nowMs();
    const look = () => {
      // A look that takes longer than the time between two is not overtaken.
      this.#looking ??= this.look().finally(() => (this.#looking = undefined));
    };
    this.#timer = setInterval(look, everySeconds * 1000);
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async look() {
    const seconds = (nowMs() - this.#startedAt) / 1000;
    const children = this.#broker.children;
    const pages = await Promise.all(children.map(({ opsUrl }) => page(opsUrl)));
    const processes = Object.fromEntries(
      children.flatMap(({ name, pid }, n) => (pages[n] ? [[name, { pid, ...processOf(pages[n]) }]] : [])),
    );
    const all = pages.flatMap((samples) => samples ?? []);
    this.samples.push({
      seconds,
      processes,
      claimP99Ms: this.#claimP99Ms(children, pages),
      backlog: await this.#backlog(),
      ready: valueOf(all, 'posthorn_backlog', { table: 'ready' }),
      retry: valueOf(all, 'posthorn_backlog', { table: 'retry' }),
    });
  }

  /** Of all dispatchers: the largest. */
  #claimP99Ms(children, pages) {
    const found = children.flatMap(({ name }, n) => {
      const after = pages[n] ? bucketsOf(pages[n], claims) : [];
      if (after.length === 0) return [];
      const quantile = quantileBetween(this.#buckets.get(name) ?? [], after, 0.99);
      this.#buckets.set(name, after);
      return quantile === undefined ? [] : [quantile * 1000];
    });
    return found.length === 0 ? undefined : Math.max(...found);
  }
}

function processOf(samples) {
  const scaled = (name, by) => {
    const value = valueOf(samples, name);
    return value === undefined ? undefined : value * by;
  };
  return {
    residentMiB: scaled('process_resident_memory_bytes', 1 / mebibyte),
    heapMiB: scaled('nodejs_heap_size_used_bytes', 1 / mebibyte),
    descriptors: scaled('process_open_fds', 1),
    handles: scaled('nodejs_active_handles_total', 1),
    lagMs: scaled('nodejs_eventloop_lag_p99_seconds', 1000),
    connections: scaled('posthorn_database_connections', 1),
  };
}

/** Undefined when the process does not answer just now: it may be restarting. */
async function page(opsUrl) {
  try {
    const response = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(answerWithinMs) });
    return parseMetrics(await response.text());
  } catch {
    return undefined;
  }
}
