import type { Work } from '../lanes/claim-loop.js';
import type { Target } from '../lanes/targets.js';

/** Payloads of one batch, unless a single one is larger. */
export const BATCH_BYTES = 1024 * 1024;
/** Between the end of an attempt and that of its lease, at least. */
const LEASE_SPARE_MS = 2_000;

interface Lane {
  waiting: { work: Work; postBy: number }[];
  running: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Gathers the deliveries of consumers that take batches, until there are `maxMessages`, their payloads are large or the first has waited for `maxWaitMs`; at most
 * as many batches of a consumer are under way as `limitOf` lets, which may change at any time. Nobody waits while the process is `busy`: what waits holds slots that others could use.
 */
export class Batches {
  private readonly lanes = new Map<number, Lane>();

  constructor(
    private readonly limitOf: (target: Target) => number,
    private readonly busy: () => boolean,
    private readonly post: (works: Work[]) => void,
  ) {}

  add(work: Work): void {
    const { consumerId, target } = { consumerId: work.claim.consumerId, target: work.target };
    const lane = this.lanes.get(consumerId) ?? { waiting: [], running: 0, timer: undefined };
    this.lanes.set(consumerId, lane);
    const now = performance.now();
    const postBy = Math.min(now + (target.batch?.maxWaitMs ?? 0), work.leaseEndsAt - target.timeoutMs - LEASE_SPARE_MS);
    lane.waiting.push({ work, postBy });
  }

  /** Deliveries that wait for their batch. */
  waiting(consumerId: number): number {
    return this.lanes.get(consumerId)?.waiting.length ?? 0;
  }

  /** Posts what may be posted; to be called after some were added, and after limits have changed. */
  pump(): void {
    for (const consumerId of this.lanes.keys()) this.pumpLane(consumerId);
  }

  /** A batch of this consumer is over. */
  ended(consumerId: number): void {
    const lane = this.lanes.get(consumerId);
    if (!lane) return;
    lane.running--;
    this.pumpLane(consumerId);
  }

  /** Hands out what waits, to be given back: all of it, or what has no limit here any more. */
  drain(mayStay: (work: Work) => boolean = () => false): Work[] {
    const works = [...this.lanes.values()].flatMap((lane) => {
      if (lane.waiting.length > 0 && mayStay(lane.waiting[0]!.work)) return [];
      clearTimeout(lane.timer);
      return lane.waiting.splice(0).map(({ work }) => work);
    });
    for (const [consumerId, lane] of this.lanes) if (lane.running === 0 && lane.waiting.length === 0) this.lanes.delete(consumerId);
    return works;
  }

  private pumpLane(consumerId: number): void {
    const lane = this.lanes.get(consumerId);
    if (!lane) return;
    clearTimeout(lane.timer);
    lane.timer = undefined;
    while (lane.waiting.length > 0) {
      // The settings as the last claim saw them.
      const { target } = lane.waiting.at(-1)!.work;
      if (lane.running >= this.limitOf(target)) return;
      const { works, full } = next(lane, target.batch?.maxMessages ?? 1);
      const waitMs = Math.min(...lane.waiting.map(({ postBy }) => postBy)) - performance.now();
      if (!full && waitMs > 0 && !this.busy()) {
        lane.timer = setTimeout(() => this.pumpLane(consumerId), Math.ceil(waitMs));
        return;
      }
      const taken = new Set(works);
      lane.waiting = lane.waiting.filter(({ work }) => !taken.has(work));
      lane.running++;
      this.post(works);
    }
    if (lane.running === 0) this.lanes.delete(consumerId);
  }
}

/** The next batch, the highest priority first, and whether there is room for no more. */
function next({ waiting }: Lane, maxMessages: number): { works: Work[]; full: boolean } {
  const ordered = waiting.map(({ work }) => work).toSorted((a, b) => a.claim.rank - b.claim.rank);
  const works: Work[] = [];
  let bytes = 0;
  for (const work of ordered) {
    const size = work.message?.payload.length ?? 0;
    if (works.length === maxMessages || (works.length > 0 && bytes + size > BATCH_BYTES)) return { works, full: true };
    works.push(work);
    bytes += size;
  }
  return { works, full: works.length === maxMessages || bytes >= BATCH_BYTES };
}
