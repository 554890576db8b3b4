import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { farewell, type Log, type NudgeListener, type NudgePeers, type Repeat } from '@app/runtime';
import type { Node } from '@app/storage';
import type { TestWaits } from './consumers/test-waits.js';
import type { Polls } from './leases/polls.js';
import type { Backlogs } from './messages/backlogs.js';

interface Parts {
  readonly queues: readonly { close(): Promise<void> }[];
  readonly polls: Polls;
  readonly tests: TestWaits;
  readonly peers: NudgePeers;
  readonly listener: NudgeListener;
  readonly backlogs: Backlogs;
  readonly heartbeat: Repeat;
}

/** The loops of this process, and the order in which it ends: polls are answered, queued messages are stored, then it leaves. */
export class ProcessLife implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly node: Node,
    private readonly parts: Parts,
    private readonly log: Log,
  ) {}

  /** The names of loops that stand still. */
  get stale(): string[] {
    return this.loops.filter((loop) => loop.stale).map((loop) => loop.name);
  }

  onApplicationBootstrap(): void {
    for (const loop of this.loops) loop.start();
  }

  /** Requests that wait for something to happen are answered without it. */
  stopWaiting(): void {
    this.parts.polls.close();
    this.parts.tests.close();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { queues, polls, peers, listener, backlogs, heartbeat } = this.parts;
    this.stopWaiting();
    await Promise.all(queues.map((queue) => queue.close()));
    await polls.loop.stop();
    listener.close();
    await peers.stop();
    await backlogs.loop.stop();
    await heartbeat.stop();
    await farewell('node', this.node.leave(), this.log);
  }

  private get loops(): Repeat[] {
    return [this.parts.heartbeat, this.parts.polls.loop, this.parts.peers.loop, this.parts.backlogs.loop];
  }
}
