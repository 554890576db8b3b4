import { setTimeout as sleep } from 'node:timers/promises';

/** A process that does not start, because the database is away, is not waited for any longer. */
const bornMs = 8000;
const countersEnd = ['kill', 'stop', 'freeze'];

/**
 * Does the faults of a schedule to the processes, the sites and the database, and undoes them. `done` has what was really done, on the clock of
 * `performance.now()`: `from` before the fault could have any effect, `until` when it could have none any more.
 */
export class Faults {
  done = [];
  /** What is broken at this moment, for people. */
  broken = new Set();
  #parts;
  #healing = new AbortController();
  #underWay = new Set();

  /** `replicas` and `sites` by name. */
  constructor({ replicas, sites, database, signal }) {
    this.#parts = { replicas, sites, database };
    signal.addEventListener('abort', () => this.#healing.abort());
  }

  /** Does every fault at its time; resolves at the time `durationMs`, when some are still under way. */
  async run(schedule, durationMs) {
    const startedAt = performance.now();
    const pause = (atMs) => this.#pause(startedAt + atMs - performance.now());
    for (const fault of schedule) {
      await pause(fault.atMs);
      if (this.#healing.signal.aborted) return;
      const act = this.#do(fault).catch((error) => (this.failure ??= error));
      this.#underWay.add(act);
      void act.then(() => this.#underWay.delete(act));
      if (this.failure) throw this.failure;
    }
    await pause(durationMs);
  }

  /** Ends every fault now, and waits until everything that was broken is whole. */
  async heal() {
    this.#healing.abort();
    await Promise.all(this.#underWay);
    if (this.failure) throw this.failure;
  }

  async #do(fault) {
    const { kind, target } = fault;
    // What a process has counted is gone with it.
    if (countersEnd.includes(kind)) await this.#parts.replicas.get(target).scrape();
    const entry = { kind, target, from: performance.now(), until: Infinity };
    const name = `${kind} ${target}`;
    this.done.push(entry);
    this.broken.add(name);
    try {
      await this.#act(fault, entry);
    } finally {
      entry.until = performance.now();
      this.broken.delete(name);
    }
  }

  async #act({ kind, target, forMs, mode, count }, entry) {
    const { replicas, sites, database } = this.#parts;
    const replica = replicas.get(target);
    const away = () => this.#pause(forMs);
    switch (kind) {
      case 'kill':
        await replica.kill();
        await away();
        replica.start();
        return;
      case 'stop':
        await replica.stop();
        await away();
        replica.start();
        return;
      case 'freeze':
        replica.freeze();
        await away();
        replica.thaw();
        return;
      case 'kill database':
        await database.kill();
        await away();
        await database.start();
        return;
      case 'freeze database':
        database.freeze();
        await away();
        database.thaw();
        return;
      case 'stall connections':
        replica.proxy.stall();
        await away();
        replica.proxy.flow();
        return;
      case 'cut connections':
        await replica.ready(bornMs);
        entry.cuts = replica.proxy.cutAll();
        return;
      case 'cut before commit':
      case 'cut after commit': {
        // One that is starting would not get up.
        await replica.ready(bornMs);
        const timer = AbortSignal.any([this.#healing.signal, AbortSignal.timeout(forMs)]);
        const when = kind === 'cut before commit' ? 'before' : 'after';
        const cuts = await Promise.all(Array.from({ length: count }, () => replica.proxy.cutAtCommit(when, timer)));
        entry.cuts = cuts.filter(Boolean).length;
        return;
      }
      default: {
        const site = sites.get(target);
        await site.misbehave(mode);
        await away();
        await site.behave();
      }
    }
  }

  /** Until `ms` have passed or healing begins. */
  async #pause(ms) {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#healing.signal }).catch(() => {});
  }
}
