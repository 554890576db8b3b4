import { Injectable } from '@nestjs/common';
import { type Id, Problem } from '@app/domain';
import { acceptTest, type Consumer, Database, isOver, type NewMessage, Node } from '@app/storage';
import { Nudges } from '../nudges.js';
import { TestWaits } from './test-waits.js';

const REFUSALS = {
  paused: 'the consumer is paused: resume it, and test it then',
  disabled: 'the consumer is disabled: put it with "disabled": false, and test it then',
  pull: 'nothing is posted to a pull consumer: publish a message, and lease it',
} as const;

/** Makes test messages. */
@Injectable()
export class TestDeliveries {
  constructor(
    private readonly database: Database,
    private readonly node: Node,
    private readonly nudges: Nudges,
    private readonly waits: TestWaits,
  ) {}

  /** Resolves after the commit. Throws a Problem: `not-found`; `conflict` when nothing would be posted. */
  async send({ id: consumerId, channelId }: Consumer, told: Omit<NewMessage, 'id' | 'channelId' | 'producerId'>): Promise<Id> {
    const id = this.node.mint();
    const outcome = await acceptTest(this.database, { ...told, id, channelId, producerId: null }, consumerId);
    if (outcome.kind === 'accepted') {
      this.nudges.wake([consumerId]);
      return id;
    }
    if (outcome.why === 'gone') throw new Problem('not-found', 'there is no such consumer');
    throw new Problem('conflict', REFUSALS[outcome.why]);
  }

  /** Whether the attempt was over within the time. */
  isOver(id: Id, consumer: Consumer, withinMs: number): Promise<boolean> {
    return this.waits.until(() => isOver(this.database, id, consumer.id), withinMs);
  }
}
