import type { NudgePeers } from '@app/runtime';
import type { Polls } from './leases/polls.js';

/** Tells everybody what there is to do: the polls that wait in this process, the dispatchers, and the other ingest processes. */
export class Nudges {
  constructor(
    private readonly polls: Polls,
    private readonly peers: NudgePeers,
  ) {}

  /** Consumers with new deliveries; an empty list means that a message waits for its fan-out. */
  wake(consumerIds: readonly number[]): void {
    this.polls.wake(consumerIds);
    this.peers.nudge(consumerIds);
  }
}
