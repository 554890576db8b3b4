import { Injectable } from '@nestjs/common';
import { type Database, dispatcherAddresses } from '@app/storage';
import { type Log, NudgeSender, Repeat } from '@app/runtime';

const REFRESH_MS = 2_000;

/** Tells the dispatchers that live what there is to do. Lossy by design: their polling finds what a nudge did not reach. */
@Injectable()
export class Nudges {
  private readonly sender = new NudgeSender();
  readonly loop: Repeat;

  constructor(database: Database, log: Log) {
    this.loop = new Repeat({
      name: 'nudge-addresses',
      log,
      staleAfterMs: 60_000,
      doOnce: async () => {
        this.sender.setAddresses(await dispatcherAddresses(database));
        return REFRESH_MS;
      },
    });
  }

  /** Consumers with new deliveries; an empty list means that a message waits for its fan-out. */
  wake(consumerIds: readonly number[]): void {
    this.sender.nudge(consumerIds);
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    this.sender.close();
  }
}
