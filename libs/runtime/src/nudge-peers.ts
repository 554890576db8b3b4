import type { Log } from './log.js';
import { NudgeSender } from './nudge.js';
import { Repeat } from './repeat.js';

const REFRESH_MS = 2_000;

/** Nudges the processes that are there, as `addresses` names them every 2 s. Lossy by design: their polling finds what a nudge did not reach. */
export class NudgePeers {
  private readonly sender = new NudgeSender();
  readonly loop: Repeat;

  constructor(addresses: () => Promise<readonly string[]>, log: Log) {
    this.loop = new Repeat({
      name: 'nudge-addresses',
      log,
      staleAfterMs: 60_000,
      doOnce: async () => {
        this.sender.setAddresses(await addresses());
        return REFRESH_MS;
      },
    });
  }

  /** Consumers that may have something to do; an empty list means look everywhere. */
  nudge(consumerIds: readonly number[]): void {
    this.sender.nudge(consumerIds);
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    this.sender.close();
  }
}
