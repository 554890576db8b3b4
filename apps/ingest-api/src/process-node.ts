import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { IngestConfig } from '@app/config';
import { type Log, Repeat } from '@app/runtime';
import { assertFit, type Database, HEARTBEAT_MS, Node, NODE_DEAD_MS } from '@app/storage';

/** Takes part as an ingest process, on a database that is up to date and can do what is needed. Rejects otherwise. */
export async function joinNode(database: Database, config: IngestConfig): Promise<Node> {
  await assertFit(database, config.maxBodyBytes);
  return Node.join(database, 'ingest');
}

interface Stoppable {
  readonly loop: Repeat;
  stop(): Promise<void>;
}

/** The loops of this process, and the order in which it ends: queued messages are stored, then it leaves. */
export class ProcessLife implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly heartbeat: Repeat;

  constructor(
    private readonly node: Node,
    private readonly queue: { close(): Promise<void> },
    private readonly nudges: Stoppable,
    log: Log,
  ) {
    this.heartbeat = new Repeat({
      name: 'heartbeat',
      log,
      staleAfterMs: 2 * NODE_DEAD_MS,
      doOnce: async () => {
        if ((await node.heartbeat()) === 'replaced') log.warn({ number: node.number }, 'node.replaced');
        return HEARTBEAT_MS;
      },
    });
  }

  /** The names of loops that stand still. */
  get stale(): string[] {
    return [this.heartbeat, this.nudges.loop].filter((loop) => loop.stale).map((loop) => loop.name);
  }

  onApplicationBootstrap(): void {
    this.heartbeat.start();
    this.nudges.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.queue.close();
    await this.nudges.stop();
    await this.heartbeat.stop();
    await this.node.leave().catch(() => undefined);
  }
}
