import { isName, Problem } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { IsNull, LessThan } from 'typeorm';
import { Database } from '../database.js';
import { changedFields } from './changed-fields.js';
import { ApiKey, Producer } from './entities.js';
import { checkName, demand, NOW, ONE_MORE, type Put, type RegistryPage, unlessRaced, type Write } from './precondition.js';

export interface ProducerSettings {
  description: string;
}

@Injectable()
export class Producers {
  constructor(private readonly database: Database) {}

  async find(name: string): Promise<Producer | null> {
    return isName(name) ? this.database.dataSource.getRepository(Producer).findOneBy({ name }) : null;
  }

  /** Throws {@link Problem} `not-found`. */
  async get(name: string): Promise<Producer> {
    return (await this.find(name)) ?? noProducer();
  }

  list({ limit, beforeId }: RegistryPage): Promise<Producer[]> {
    const where = beforeId === undefined ? {} : { id: LessThan(beforeId) };
    return this.database.dataSource.getRepository(Producer).find({ where, order: { id: 'DESC' }, take: limit });
  }

  /** Creates or replaces. Of several first PUTs at the same moment exactly one creates. */
  async put(name: string, settings: ProducerSettings, { audit, ...precondition }: Write): Promise<Put<Producer>> {
    checkName(name, 'producer');
    return unlessRaced(() =>
      this.database.transaction('put-producer', async (session, manager) => {
        await session.query('SELECT id FROM producer WHERE name = ? FOR UPDATE', [name]);
        const rows = manager.getRepository(Producer);
        const found = await rows.findOneBy({ name });
        demand(found, precondition);
        if (found) await rows.update({ id: found.id }, { ...settings, version: ONE_MORE, updatedAt: NOW });
        else await rows.insert({ name, ...settings });
        await audit.record(session, found ? { status: 200, fields: changedFields<ProducerSettings>(found, settings) } : { status: 201 });
        return { row: await rows.findOneByOrFail({ name }), created: !found };
      }),
    );
  }

  /** Throws {@link Problem} `conflict` while a key that is not revoked belongs to the producer. Its messages stay. */
  async remove(name: string, { audit, ...precondition }: Write): Promise<void> {
    if (!isName(name)) noProducer();
    await this.database.transaction('remove-producer', async (session, manager) => {
      await session.query('SELECT id FROM producer WHERE name = ? FOR UPDATE', [name]);
      const rows = manager.getRepository(Producer);
      const found = (await rows.findOneBy({ name })) ?? noProducer();
      demand(found, precondition);
      if (await manager.getRepository(ApiKey).existsBy({ producerId: found.id, revokedAt: IsNull() })) {
        throw new Problem('conflict', 'the producer has API keys: revoke them first');
      }
      await rows.delete({ id: found.id });
      await audit.record(session, { status: 204 });
    });
  }
}

function noProducer(): never {
  throw new Problem('not-found', 'there is no such producer');
}
