import { isName, isReservedChannel, Problem, RESERVED_CHANNEL_MESSAGE, type RetryPolicy } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { type EntityManager, In, LessThan } from 'typeorm';
import { Database, type Session } from '../database.js';
import { changedFields } from './changed-fields.js';
import { Channel } from './entities.js';
import { consumersOf, removeConsumers } from './remove-consumers.js';
import { refuseUse } from './work-left.js';
import { checkName, demand, NOW, ONE_MORE, type Put, type RegistryPage, unlessRaced, type Write } from './precondition.js';

export interface ChannelSettings {
  description: string;
  /** null: the default policy. */
  retry: RetryPolicy | null;
  /** null: for ever. */
  retentionDays: number | null;
  /** false: what is first accepted is first claimed, whatever its priority. */
  priorities: boolean;
  /** For its consumers; 0: never; null: the dispatcher's DISABLE_AFTER_SECONDS. */
  disableAfterSeconds: number | null;
  /** null: what the operator says for all channels. */
  maxBacklog: number | null;
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

  /**
   * Creates or replaces. Of several first PUTs at the same moment exactly one creates. Posthorn's own channels can be replaced, not created: throws
   * {@link Problem} `validation-failed`.
   */
  async put(name: string, settings: ChannelSettings, { audit, ...precondition }: Write): Promise<Put<Channel>> {
    checkName(name, 'channel');
    return unlessRaced(() =>
      this.database.transaction('put-channel', async (session, manager) => {
        const found = await lockChannel(session, manager, name);
        demand(found, precondition);
        if (!found) refuseReserved(name);
        const rows = manager.getRepository(Channel);
        if (found) {
          await rows.update({ id: found.id }, { ...settings, version: ONE_MORE, updatedAt: NOW });
          if (found.priorities !== settings.priorities) await audienceChanged(session, found.id);
        } else await rows.insert({ name, ...settings });
        await audit.record(session, found ? { status: 200, fields: changedFields<ChannelSettings>(found, settings) } : { status: 201 });
        return { row: await rows.findOneByOrFail({ name }), created: !found };
      }),
    );
  }

  /**
   * Deletes a channel. While it has consumers, or messages whose deliveries are not all made: throws {@link Problem} `conflict`, or with `force` deletes
   * those too: it is gone at once, and what it leaves is swept later, its consumers too if it has hundreds of them. Posthorn's own channels stay: throws
   * {@link Problem} `validation-failed`.
   */
  async remove(name: string, { force = false, audit, ...precondition }: Write & { force?: boolean }): Promise<void> {
    refuseReserved(name);
    await this.database.transaction('remove-channel', async (session, manager) => {
      const channel = (await lockChannel(session, manager, name)) ?? noChannel();
      demand(channel, precondition);
      if (!force) await refuseUse(session, channel.id);
      await removeConsumers(session, await consumersOf(session, channel.id, AT_ONCE));
      await session.query('INSERT INTO removed_channel (id) VALUES (?)', [channel.id]);
      await manager.getRepository(Channel).delete({ id: channel.id });
      await audit.record(session, { status: 204 });
    });
  }
}

/** Consumers that are deleted with their channel. */
const AT_ONCE = 200;

function refuseReserved(name: string): void {
  if (isReservedChannel(name)) throw Problem.invalid([{ field: 'channel', message: RESERVED_CHANNEL_MESSAGE }]);
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

/**
 * Tells accepting transactions, which keep what they saw last of a channel's filters and priorities, that these are others now. The channel's row is locked.
 */
export async function audienceChanged(session: Session, channelId: number): Promise<void> {
  await session.query('UPDATE channel SET audience_version = audience_version + 1 WHERE id = ?', [channelId]);
}
