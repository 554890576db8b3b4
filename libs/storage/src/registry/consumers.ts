import { isName, Problem } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { type EntityManager, LessThan } from 'typeorm';
import { Database, type Session } from '../database.js';
import type { Audit } from '../audit.js';
import { isDeepStrictEqual } from 'node:util';
import { changedFields } from './changed-fields.js';
import { lockChannel, noChannel } from './channels.js';
import { Consumer } from './entities.js';
import { checkName, demand, NOW, ONE_MORE, type Put, type RegistryPage, type Write } from './precondition.js';

/** What signs. */
export type SecretColumns = Pick<Consumer, 'signingSecret' | 'publicKey' | 'formerSecrets'>;

/** What authorizes. */
export type CredentialColumns = Pick<Consumer, 'headers' | 'sealedHeaders' | 'auth' | 'tls'>;

export type ConsumerSettings = Pick<
  Consumer,
  'type' | 'url' | 'description' | 'timeoutMs' | 'maxInFlight' | 'retry' | 'signature' | 'filter' | 'batch'
> &
  SecretColumns &
  CredentialColumns & { disabled: boolean };

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

  /**
   * Creates or replaces. A new consumer gets every message that is accepted after this. `settle` makes the settings from what is stored, within the
   * transaction: it must be quick, and is called again when the transaction is run again.
   */
  async put(
    channel: string,
    name: string,
    settle: (stored: Consumer | null) => ConsumerSettings,
    { audit, ...precondition }: Write,
  ): Promise<Put<Consumer>> {
    checkName(name, 'consumer');
    return this.change(channel, name, async (manager, channelId, found, session) => {
      demand(found, precondition);
      const settings = settle(found);
      const { disabled, ...columns } = settings;
      const rows = manager.getRepository(Consumer);
      const disabledAt = disabled ? NOW : null;
      const disabledReason = disabled ? 'operator' : null;
      if (found) {
        const hold = disabled && found.disabledAt ? {} : { disabledAt, disabledReason };
        await rows.update({ id: found.id }, { ...columns, ...hold, holdUntil: null, version: ONE_MORE, updatedAt: NOW });
        if (!isDeepStrictEqual(found.filter, columns.filter)) await audienceChanged(session, channelId);
      } else {
        await rows.insert({ channelId, name, ...columns, disabledAt: disabledAt ?? undefined, disabledReason });
      }
      await audit.record(
        session,
        found ? { status: 200, fields: changedFields(publicPart(found), publicPart(settings)) } : { status: 201 },
      );
      return { row: await rows.findOneByOrFail({ channelId, name }), created: !found };
    });
  }

  /** Holds its deliveries, or lets them go on, also if it asked to be left alone for longer. Changes nothing when that is so already. */
  setPaused(channel: string, name: string, paused: boolean, audit: Audit): Promise<Consumer> {
    return this.change(channel, name, async (manager, _channelId, found, session) => {
      const consumer = found ?? noConsumer();
      const rows = manager.getRepository(Consumer);
      const isSo = (consumer.pausedAt !== null) === paused;
      const lifted = !paused && consumer.holdUntil !== null;
      await audit.record(session, { status: 200, fields: [...(isSo ? [] : ['paused']), ...(lifted ? ['heldUntil'] : [])] });
      if (lifted) await rows.update({ id: consumer.id }, { holdUntil: null });
      if (isSo) return Object.assign(consumer, lifted ? { holdUntil: null } : {});
      await rows.update({ id: consumer.id }, { pausedAt: paused ? NOW : null, version: ONE_MORE, updatedAt: NOW });
      return rows.findOneByOrFail({ id: consumer.id });
    });
  }

  /** Replaces what signs by what `rotate` makes of it, within the transaction. */
  setSecret(channel: string, name: string, rotate: (stored: Consumer) => SecretColumns, audit: Audit): Promise<Consumer> {
    return this.change(channel, name, async (manager, _channelId, found, session) => {
      const consumer = found ?? noConsumer();
      const columns = rotate(consumer);
      const rows = manager.getRepository(Consumer);
      await audit.record(session, { status: 200, fields: columns.signingSecret === consumer.signingSecret ? [] : ['signingSecret'] });
      await rows.update({ id: consumer.id }, { ...columns, version: ONE_MORE, updatedAt: NOW });
      return rows.findOneByOrFail({ id: consumer.id });
    });
  }

  /**
   * Deletes a consumer. While it has deliveries that are not finished: throws {@link Problem} `conflict`, or with `force` gives them up;
   * they are swept later.
   */
  async remove(channel: string, name: string, { force = false, audit, ...precondition }: Write & { force?: boolean }): Promise<void> {
    await this.change(channel, name, async (manager, channelId, found, session) => {
      const consumer = found ?? noConsumer();
      demand(consumer, precondition);
      if (!force && (await hasUnfinished(session, channelId, consumer.id))) {
        throw new Problem('conflict', 'the consumer has deliveries that are not finished: wait, or use ?force=true to give them up');
      }
      await manager.getRepository(Consumer).delete({ id: consumer.id });
      await audit.record(session, { status: 204 });
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

/** Tells accepting transactions, which keep the filters that they saw last, that these are others now. The channel's row is locked. */
async function audienceChanged(session: Session, channelId: number): Promise<void> {
  await session.query('UPDATE channel SET audience_version = audience_version + 1 WHERE id = ?', [channelId]);
}

/** Settings by the names that a request has for them. */
const publicPart = (given: Omit<ConsumerSettings, 'disabled'> & ({ disabled: boolean } | { disabledAt: Date | null })) => ({
  type: given.type,
  url: given.url,
  description: given.description,
  timeoutMs: given.timeoutMs,
  maxInFlight: given.maxInFlight,
  retry: given.retry,
  headers: given.sealedHeaders ?? given.headers,
  disabled: 'disabled' in given ? given.disabled : given.disabledAt !== null,
  auth: given.auth,
  tls: given.tls,
  signature: given.signature,
  filter: given.filter,
  batch: given.batch,
  signingSecret: given.signingSecret,
});

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
