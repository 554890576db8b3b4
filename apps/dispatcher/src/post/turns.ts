import type { Work } from '../lanes/claim-loop.js';
import type { Target } from '../lanes/targets.js';

interface Lane {
  running: number;
  waiting: Work[];
}

/** How many attempts of each consumer are under way, and what waits for one of them to end, in the order of the claims. */
export class Turns {
  private readonly consumers = new Map<number, Lane>();

  /** `limitOf`: attempts of a consumer that may be under way here, which may change at any time. */
  constructor(private readonly limitOf: (target: Target) => number) {}

  /** True when the attempt may begin; else it waits until `end` or `next` hands it out. */
  begin(work: Work): boolean {
    const { consumerId } = work.target;
    const lane = this.consumers.get(consumerId) ?? { running: 0, waiting: [] };
    this.consumers.set(consumerId, lane);
    if (lane.running >= this.limitOf(work.target)) {
      lane.waiting.push(work);
      return false;
    }
    lane.running++;
    return true;
  }

  /** An attempt of this consumer is over. Answers what begins in its place. */
  end(consumerId: number): Work | undefined {
    const lane = this.consumers.get(consumerId);
    if (!lane) return undefined;
    lane.running--;
    const next = this.nextOf(lane);
    if (lane.running === 0 && lane.waiting.length === 0) this.consumers.delete(consumerId);
    return next;
  }

  /** After limits have changed: what may begin now. */
  next(): Work[] {
    const begins: Work[] = [];
    for (const lane of this.consumers.values()) for (let work = this.nextOf(lane); work; work = this.nextOf(lane)) begins.push(work);
    return begins;
  }

  /** Hands out what waits, to be given back: all of it, or what has no limit here any more. */
  drain(mayStay: (work: Work) => boolean = () => false): Work[] {
    const drained: Work[] = [];
    for (const [consumerId, lane] of this.consumers) {
      if (lane.waiting.length > 0 && !mayStay(lane.waiting[0]!)) drained.push(...lane.waiting.splice(0));
      if (lane.running === 0 && lane.waiting.length === 0) this.consumers.delete(consumerId);
    }
    return drained;
  }

  private nextOf(lane: Lane): Work | undefined {
    const [first] = lane.waiting;
    if (!first || lane.running >= this.limitOf(first.target)) return undefined;
    lane.running++;
    return lane.waiting.shift();
  }
}
