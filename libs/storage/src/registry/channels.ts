import { isName, Problem, type RetryPolicy } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { type EntityManager, In, LessThan } from 'typeorm';
import { Database, type Session } from '../database.js';
import { MAX_KEYS } from '../key-rows.js';
import { changedFields } from './changed-fields.js';
import { Channel, Consumer } from './entities.js';
import { checkName, demand, NOW, ONE_MORE, type Put, type RegistryPage, unlessRaced, type Write } from './precondition.js';

export interface ChannelSettings {
  description: string;
  /** null: the default policy. */
  retry: RetryPolicy | null;
  /** null: for ever. */
  retentionDays: number | null;
}

@Injectable()
export class Channels {
  constructor(private readonly database: Database) {}

  async find(name: string): Promise<Channel | null> {
    return isName(name) ? this.database.dataSource.getRepository(Channel).findOneBy({ name }) : null;
  }

  /** Throws {@link Problem} `not-found`. */
  async get(name: string): Promise<Channel> {
    return (await this.find(name)) ?? noChannel();
  }

  list({ limit, beforeId }: RegistryPage): Promise<Channel[]> {
    const where = beforeId === undefined ? {} : { id: LessThan(beforeId) };
    return this.database.dataSource.getRepository(Channel).find({ where, order: { id: 'DESC' }, take: limit });
  }

  async names(ids: readonly number[]): Promise<Map<number, string>> {
    const channels = await this.database.dataSource.getRepository(Channel).findBy({ id: In([...new Set(ids)]) });
    return new Map(channels.map(({ id, name }) => [id, name]));
  }

  /** Creates or replaces. Of several first PUTs at the same moment exactly one creates. */
  async put(name: string, settings: ChannelSettings, { audit, ...precondition }: Write): Promise<Put<Channel>> {
    checkName(name, 'channel');
    return unlessRaced(() =>
      this.database.transaction('put-channel', async (session, manager) => {
        const found = await lockChannel(session, manager, name);
        demand(found, precondition);
        const rows = manager.getRepository(Channel);
        if (found) await rows.update({ id: found.id }, { ...settings, version: ONE_MORE, updatedAt: NOW });
        else await rows.insert({ name, ...settings });
        await audit.record(session, found ? { status: 200, fields: changedFields<ChannelSettings>(found, settings) } : { status: 201 });
        return { row: await rows.findOneByOrFail({ name }), created: !found };
      }),
    );
  }

  /**
   * Deletes a channel. While it has consumers, or messages whose deliveries are not all made: throws {@link Problem} `conflict`, or with
   * `force` deletes those too. Deliveries that its consumers leave behind are swept later.
   */
  async remove(name: string, { force = false, audit, ...precondition }: Write & { force?: boolean }): Promise<void> {
    const id = await this.database.transaction('remove-channel', async (session, manager) => {
      const channel = (await lockChannel(session, manager, name)) ?? noChannel();
      demand(channel, precondition);
      if (!force) await refuseUse(session, manager, channel.id);
      await manager.getRepository(Consumer).delete({ channelId: channel.id });
      await manager.getRepository(Channel).delete({ id: channel.id });
      await audit.record(session, { status: 204 });
      return channel.id;
    });
    if (force) await this.removeFanouts(id);
  }

  /** After the channel is gone no row is added. A crash in between leaves rows that fan out to nobody. */
  private async removeFanouts(channelId: number): Promise<void> {
    for (;;) {
      const rows = await this.database.query<{ id: string }[]>(
        'SELECT message_id AS id FROM fanout FORCE INDEX (PRIMARY) WHERE channel_id = ? ORDER BY message_id LIMIT ?',
        [channelId, MAX_KEYS],
      );
      if (rows.length === 0) return;
      const remove = `DELETE f FROM JSON_TABLE(?, '$[*]' COLUMNS (m BIGINT UNSIGNED PATH '$[0]')) k
          STRAIGHT_JOIN fanout f FORCE INDEX (PRIMARY) ON f.message_id = k.m`;
      const keys = JSON.stringify(rows.map(({ id }) => [id]));
      await this.database.transaction('remove-fanouts', (session) => session.query(remove, [keys]));
    }
  }
}

export function noChannel(): never {
  throw new Problem('not-found', 'there is no such channel');
}

/**
 * Reads a channel and holds its row until the transaction ends. Accept holds it in share mode, so that every message comes wholly before
 * or wholly after every change of the channel's consumers. Keep the transaction to a few statements: it holds up publishing.
 */
export async function lockChannel(session: Session, manager: EntityManager, name: string): Promise<Channel | null> {
  if (!isName(name)) return null;
  const channel = await manager.getRepository(Channel).findOneBy({ name });
  if (!channel) return null;
  await session.query('SELECT id FROM channel WHERE id = ? FOR UPDATE', [channel.id]);
  return manager.getRepository(Channel).findOneBy({ id: channel.id });
}

async function refuseUse(session: Session, manager: EntityManager, channelId: number): Promise<void> {
  if (await manager.getRepository(Consumer).existsBy({ channelId })) {
    throw new Problem('conflict', 'the channel has consumers: delete them first, or use ?force=true');
  }
  const [fanout] = await session.query<unknown[]>('SELECT 1 FROM fanout WHERE channel_id = ? LIMIT 1', [channelId]);
  if (fanout) throw new Problem('conflict', 'the channel has messages that are not out for delivery yet: wait, or use ?force=true');
}
