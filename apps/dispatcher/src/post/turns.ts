import type { Work } from '../lanes/claim-loop.js';

/** How many attempts of each consumer are under way, and what waits for one of them to end, in the order of the claims. */
export class Turns {
  private readonly consumers = new Map<number, { running: number; waiting: Work[] }>();

  /** True when the attempt may begin; else it waits until `end` hands it out. */
  begin(work: Work): boolean {
    const { consumerId, maxInFlight } = work.target;
    const lane = this.consumers.get(consumerId) ?? { running: 0, waiting: [] };
    this.consumers.set(consumerId, lane);
    if (lane.running >= maxInFlight) {
      lane.waiting.push(work);
      return false;
    }
    lane.running++;
    return true;
  }

  /** An attempt of this consumer is over. Answers what begins in its place. */
  end(consumerId: number): Work | undefined {
    const lane = this.consumers.get(consumerId);
    const next = lane?.waiting.shift();
    if (next || !lane) return next;
    lane.running--;
    if (lane.running === 0) this.consumers.delete(consumerId);
    return undefined;
  }
}
