import { isName, Problem } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { type EntityManager, LessThan } from 'typeorm';
import { Database, type Session } from '../database.js';
import { lockChannel, noChannel } from './channels.js';
import { Consumer } from './entities.js';
import { checkName, demand, NOW, ONE_MORE, type Precondition, type Put, type RegistryPage } from './precondition.js';

export type ConsumerSettings = Pick<Consumer, 'type' | 'url' | 'description' | 'timeoutMs' | 'maxInFlight' | 'retry' | 'headers'> & {
  disabled: boolean;
};

/** Every write holds the channel's row for its few statements: see {@link lockChannel}. */
@Injectable()
export class Consumers {
  constructor(private readonly database: Database) {}

  async find(channelId: number, name: string): Promise<Consumer | null> {
    return isName(name) ? this.database.dataSource.getRepository(Consumer).findOneBy({ channelId, name }) : null;
  }

  /** Throws {@link Problem} `not-found`. */
  async get(channelId: number, name: string): Promise<Consumer> {
    return (await this.find(channelId, name)) ?? noConsumer();
  }

  /** Those of a channel, or of all channels. */
  list({ limit, beforeId }: RegistryPage, channelId?: number): Promise<Consumer[]> {
    const where = { ...(channelId === undefined ? {} : { channelId }), ...(beforeId === undefined ? {} : { id: LessThan(beforeId) }) };
    return this.database.dataSource.getRepository(Consumer).find({ where, order: { id: 'DESC' }, take: limit });
  }

  /** Creates or replaces. A new consumer gets every message that is accepted after this, and `newSecret`, sealed. */
  async put(
    channel: string,
    name: string,
    settings: ConsumerSettings,
    { newSecret, ...precondition }: Precondition & { newSecret: string },
  ): Promise<Put<Consumer>> {
    checkName(name, 'consumer');
    const { disabled, ...columns } = settings;
    return this.change(channel, name, async (manager, channelId, found) => {
      demand(found, precondition);
      const rows = manager.getRepository(Consumer);
      const disabledAt = disabled ? NOW : null;
      const disabledReason = disabled ? 'operator' : null;
      if (found) {
        const hold = disabled && found.disabledAt ? {} : { disabledAt, disabledReason };
        await rows.update({ id: found.id }, { ...columns, ...hold, version: ONE_MORE, updatedAt: NOW });
      } else {
        await rows.insert({ channelId, name, ...columns, disabledAt: disabledAt ?? undefined, disabledReason, signingSecret: newSecret });
      }
      return { row: await rows.findOneByOrFail({ channelId, name }), created: !found };
    });
  }

  /** Holds its deliveries, or lets them go on. Changes nothing when that is so already. */
  setPaused(channel: string, name: string, paused: boolean): Promise<Consumer> {
    return this.change(channel, name, async (manager, _channelId, found) => {
      const consumer = found ?? noConsumer();
      const rows = manager.getRepository(Consumer);
      if ((consumer.pausedAt !== null) === paused) return consumer;
      await rows.update({ id: consumer.id }, { pausedAt: paused ? NOW : null, version: ONE_MORE, updatedAt: NOW });
      return rows.findOneByOrFail({ id: consumer.id });
    });
  }

  /** From now on deliveries are signed with this secret alone. */
  setSecret(channel: string, name: string, sealed: string): Promise<Consumer> {
    return this.change(channel, name, async (manager, _channelId, found) => {
      const { id } = found ?? noConsumer();
      const rows = manager.getRepository(Consumer);
      await rows.update({ id }, { signingSecret: sealed, version: ONE_MORE, updatedAt: NOW });
      return rows.findOneByOrFail({ id });
    });
  }

  /**
   * Deletes a consumer. While it has deliveries that are not finished: throws {@link Problem} `conflict`, or with `force` gives them up;
   * they are swept later.
   */
  async remove(channel: string, name: string, { force = false, ...precondition }: Precondition & { force?: boolean } = {}): Promise<void> {
    await this.change(channel, name, async (manager, channelId, found, session) => {
      const consumer = found ?? noConsumer();
      demand(consumer, precondition);
      if (!force && (await hasUnfinished(session, channelId, consumer.id))) {
        throw new Problem('conflict', 'the consumer has deliveries that are not finished: wait, or use ?force=true to give them up');
      }
      await manager.getRepository(Consumer).delete({ id: consumer.id });
    });
  }

  private change<T>(
    channel: string,
    name: string,
    work: (manager: EntityManager, channelId: number, found: Consumer | null, session: Session) => Promise<T>,
  ): Promise<T> {
    return this.database.transaction('change-consumer', async (session, manager) => {
      const { id } = (await lockChannel(session, manager, channel)) ?? noChannel();
      const found = isName(name) ? await manager.getRepository(Consumer).findOneBy({ channelId: id, name }) : null;
      return work(manager, id, found, session);
    });
  }
}

/**
 * One statement, so that no delivery hides by moving between the tables. `ready` is one step in its key; `retry` and `fanout` have no key
 * for this and are read through, which is right for tables that hold only what waits.
 */
async function hasUnfinished(session: Session, channelId: number, consumerId: number): Promise<boolean> {
  const [row] = await session.query<{ found: number }[]>(
    `SELECT (EXISTS (SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ?)
          OR EXISTS (SELECT 1 FROM fanout WHERE channel_id = ? AND after_consumer_id < ? AND last_consumer_id >= ?)
          OR EXISTS (SELECT 1 FROM retry WHERE consumer_id = ?)) AS found`,
    [consumerId, channelId, consumerId, consumerId, consumerId],
  );
  return Number(row?.found) === 1;
}

function noConsumer(): never {
  throw new Problem('not-found', 'there is no such consumer');
}
