import { type History, type Id, isName, Problem } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { type EntityManager, LessThan } from 'typeorm';
import { Database, type Session } from '../database.js';
import type { Audit } from '../audit.js';
import { isDeepStrictEqual } from 'node:util';
import { healthAfterPut, healthAfterResume, publish } from '../health/by-hand.js';
import { insertJob, lastMessageOf } from '../jobs/create-job.js';
import { changedFields } from './changed-fields.js';
import { audienceChanged, lockChannel, noChannel } from './channels.js';
import { Channel, Consumer } from './entities.js';
import { removeConsumers } from './remove-consumers.js';
import { refuseWorkLeft, workBegan } from './work-left.js';
import { checkName, demand, NOW, ONE_MORE, type Precondition, type Put, type RegistryPage, type Write } from './precondition.js';

/** The past that a new consumer wants, and who wants it. */
export interface NewHistory extends History {
  jobId: Id;
  by: { keyId: string; keyName: string };
}

/** What signs. */
export type SecretColumns = Pick<Consumer, 'signingSecret' | 'publicKey' | 'formerSecrets'>;

/** What authorizes. */
export type CredentialColumns = Pick<Consumer, 'headers' | 'sealedHeaders' | 'auth' | 'tls'>;

export type ConsumerSettings = Pick<
  Consumer,
  | 'type'
  | 'url'
  | 'description'
  | 'timeoutMs'
  | 'maxInFlight'
  | 'retry'
  | 'signature'
  | 'filter'
  | 'batch'
  | 'breaker'
  | 'disableAfterSeconds'
  | 'ordering'
  | 'orderingExhausted'
  | 'rateLimit'
  | 'autoRedrive'
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
   * Creates or replaces. A new consumer gets every message that is accepted after this, and with `history` those before it from a job, each once. `settle` makes the settings from what is stored, within the
   * transaction: it must be quick, and is called again when the transaction is run again.
   */
  async put(
    channel: string,
    name: string,
    settle: (stored: Consumer | null) => ConsumerSettings,
    { audit, history, ...precondition }: Write & { history?: NewHistory },
  ): Promise<Put<Consumer> & { historyJob?: Id }> {
    checkName(name, 'consumer');
    return this.change(channel, name, async (manager, channelId, found, session) => {
      demand(found, precondition);
      const settings = settle(found);
      const { disabled, ...columns } = settings;
      const rows = manager.getRepository(Consumer);
      const disabledAt = disabled ? NOW : null;
      const disabledReason = disabled ? 'operator' : null;
      const fields = found ? changedFields(publicPart(found), publicPart(settings)) : [];
      if (found) {
        const hold = disabled && found.disabledAt ? {} : { disabledAt, disabledReason };
        const resuming = columns.type === 'push' ? {} : { resumeRate: null, resumedAt: null };
        const { columns: health, event } = healthAfterPut(found, disabled, fields.length > 0);
        await rows.update(
          { id: found.id },
          { ...columns, ...hold, ...health, ...resuming, holdUntil: null, version: ONE_MORE, updatedAt: NOW },
        );
        await publish(session, found.id, event, audit);
        if (!isDeepStrictEqual(audiencePart(found), audiencePart(columns))) await audienceChanged(session, channelId);
      } else {
        await rows.insert({ channelId, name, ...columns, disabledAt: disabledAt ?? undefined, disabledReason });
      }
      await audit.record(session, found ? { status: 200, fields } : { status: 201 });
      const row = await rows.findOneByOrFail({ channelId, name });
      const historyJob = found || !history ? undefined : await sendHistory(session, { channel, row }, history);
      return { row, created: !found, ...(historyJob === undefined ? {} : { historyJob }) };
    });
  }

  /**
   * Holds its deliveries, or lets them go on, also if it asked to be left alone for longer or its breaker is open: at most `ratePerSecond` requests a second until what waits is worked
   * off; null: as fast as it takes them. Changes nothing when that is so already. Throws {@link Problem} `validation-failed` for a rate of a pull consumer.
   */
  setPaused(channel: string, name: string, paused: boolean, audit: Audit, ratePerSecond: number | null = null): Promise<Consumer> {
    return this.change(channel, name, async (manager, _channelId, found, session) => {
      const consumer = found ?? noConsumer();
      if (ratePerSecond !== null && consumer.type === 'pull') throw Problem.invalid([PULLS_AT_ITS_OWN_RATE]);
      const rows = manager.getRepository(Consumer);
      const waits = ratePerSecond !== null && (await hasReady(session, consumer.id));
      const resumeRate = paused ? consumer.resumeRate : waits ? ratePerSecond : null;
      const isSo = (consumer.pausedAt !== null) === paused;
      const isAsFast = consumer.resumeRate === resumeRate;
      const lifted = paused || consumer.holdUntil === null ? {} : { holdUntil: null };
      const { columns: health, event } = paused ? { columns: {}, event: undefined } : healthAfterResume(consumer);
      const changes = { paused: !isSo, heldUntil: 'holdUntil' in lifted, resuming: !isAsFast, breaker: Object.keys(health).length > 0 };
      await audit.record(session, { status: 200, fields: Object.entries(changes).flatMap(([field, isNew]) => (isNew ? [field] : [])) });
      const resuming = isAsFast ? {} : { resumeRate, resumedAt: resumeRate === null ? null : NOW };
      const state = isSo && isAsFast ? {} : { pausedAt: paused ? NOW : null, ...resuming, version: ONE_MORE, updatedAt: NOW };
      const changed = { ...lifted, ...health, ...state };
      if (Object.keys(changed).length === 0) return consumer;
      await rows.update({ id: consumer.id }, changed);
      await publish(session, consumer.id, event, audit);
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
   * Deletes a consumer. While it has work that is not finished: throws {@link Problem} `conflict`, or with `force` gives that up, to be swept later. A name
   * that is used again is another consumer, which gets nothing of it.
   */
  async remove(channel: string, name: string, { force = false, audit, ...precondition }: Write & { force?: boolean }): Promise<void> {
    if (!force) await this.refuseWork(channel, name, precondition);
    await this.change(channel, name, async (_manager, channelId, found, session) => {
      const consumer = found ?? noConsumer();
      demand(consumer, precondition);
      if (!force && (await workBegan(session, channelId, consumer.id))) {
        throw new Problem('conflict', 'the consumer has deliveries or jobs that have just begun: wait, or use ?force=true to give them up');
      }
      await removeConsumers(session, [consumer.id]);
      await audit.record(session, { status: 204 });
    });
  }

  private async refuseWork(channel: string, name: string, precondition: Precondition): Promise<void> {
    const found = isName(channel) ? await this.database.dataSource.getRepository(Channel).findOneBy({ name: channel }) : null;
    const consumer = found && (await this.find(found.id, name));
    if (!consumer) return;
    demand(consumer, precondition);
    await refuseWorkLeft(this.database, consumer.channelId, consumer.id);
  }

  private change<T>(
    channel: string,
    name: string,
    work: (manager: EntityManager, channelId: number, found: Consumer | null, session: Session) => Promise<T>,
  ): Promise<T> {
    return this.database.transaction('change-consumer', async (session, manager) => {
      const { id } = (await lockChannel(session, manager, channel)) ?? noChannel();
      // Settling writes consumers too, without the channel's row: what is read here must not change before it is written.
      await session.query('SELECT id FROM consumer FORCE INDEX (consumer_by_name) WHERE channel_id = ? AND name = ? FOR UPDATE', [
        id,
        isName(name) ? name : '',
      ]);
      const found = isName(name) ? await manager.getRepository(Consumer).findOneBy({ channelId: id, name }) : null;
      return work(manager, id, found, session);
    });
  }
}

/**
 * Makes the job that sends a new consumer what came before it. The channel's row is locked: all its messages that are committed now are the past, and every
 * one that is committed later, whatever its id, makes the consumer's delivery itself, which the job finds and leaves alone.
 */
async function sendHistory(
  session: Session,
  { channel, row }: { channel: string; row: Consumer },
  { jobId, after, from, by }: NewHistory,
): Promise<Id | undefined> {
  const last = await lastMessageOf(session, row.channelId);
  if (BigInt(last) <= BigInt(after)) return undefined;
  const of = { channelId: row.channelId, consumerId: row.id, channel, consumer: row.name };
  const settings = { ...(from === undefined ? {} : { from }), statuses: ['none'] as const };
  await insertJob(session, {
    id: jobId,
    kind: 'replay',
    cause: 'start-from',
    of,
    settings,
    ratePerSecond: null,
    range: { after, last },
    by,
  });
  return jobId;
}

/** What an accepting transaction goes by. */
const audiencePart = ({ filter, ordering }: Pick<Consumer, 'filter' | 'ordering'>) => ({ filter, ordering });

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
  rateLimit: given.rateLimit,
  breaker: given.breaker,
  disableAfterSeconds: given.disableAfterSeconds,
  ordering: given.ordering,
  orderingExhausted: given.orderingExhausted,
  autoRedrive: given.autoRedrive,
  signingSecret: given.signingSecret,
});

const PULLS_AT_ITS_OWN_RATE = { field: 'ratePerSecond', message: 'must be left out for a pull consumer: it leases as fast as it likes' };

/** Whether anything is due in the consumer's lane, or in flight: one step in the key. */
async function hasReady(session: Session, consumerId: number): Promise<boolean> {
  const rows = await session.query<unknown[]>('SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ? LIMIT 1', [consumerId]);
  return rows.length > 0;
}

function noConsumer(): never {
  throw new Problem('not-found', 'there is no such consumer');
}
