import { isName, Problem, type Rate } from '@app/domain';
import { Injectable } from '@nestjs/common';
import { In, IsNull, LessThan } from 'typeorm';
import type { Audit } from '../audit.js';
import { Database } from '../database.js';
import { changedFields } from './changed-fields.js';
import { ApiKey, Producer } from './entities.js';
import { NOW } from './precondition.js';

export interface NewApiKey {
  id: string;
  secretHash: Buffer;
  name: string;
  scopes: string[];
  /** The name of a producer that exists. */
  producer: string | null;
  expiresAt: Date | null;
  /** null: what the operator says for all keys. */
  rateLimit: Rate | null;
}

export interface ApiKeyPage {
  limit: number;
  /** The last key of the previous page. */
  before?: { createdAt: Date; id: string };
}

/** A key with the name of its producer. */
export type OwnedApiKey = ApiKey & { producer: string | null };

@Injectable()
export class ApiKeys {
  constructor(private readonly database: Database) {}

  find(id: string): Promise<ApiKey | null> {
    return this.database.dataSource.getRepository(ApiKey).findOneBy({ id });
  }

  /** Throws {@link Problem} `validation-failed` when there is no such producer. */
  create({ producer, ...key }: NewApiKey, audit: Audit): Promise<OwnedApiKey> {
    return this.database.transaction('create-key', async (session, manager) => {
      const known = isName(producer) ? producer : '';
      const [owner] = await session.query<{ id: number }[]>('SELECT id FROM producer WHERE name = ? LOCK IN SHARE MODE', [known]);
      if (producer !== null && !owner) throw Problem.invalid([{ field: 'producer', message: 'does not exist' }]);
      const rows = manager.getRepository(ApiKey);
      await rows.insert({ ...key, producerId: owner?.id ?? null });
      await audit.record(session, { status: 201, resource: `${audit.entry.resource}/${key.id}` });
      return Object.assign(await rows.findOneByOrFail({ id: key.id }), { producer });
    });
  }

  /** Newest first, revoked and expired ones too. */
  async list({ limit, before }: ApiKeyPage): Promise<OwnedApiKey[]> {
    const keys = await this.database.dataSource.getRepository(ApiKey).find({
      where: before ? [{ createdAt: LessThan(before.createdAt) }, { createdAt: before.createdAt, id: LessThan(before.id) }] : {},
      order: { createdAt: 'DESC', id: 'DESC' },
      take: limit,
    });
    return this.owned(keys);
  }

  /** Changes how much a key may do; seen by every process within 2 s. Answers undefined when there is no such key, or it was revoked. */
  async limit(id: string, rateLimit: Rate | null, audit: Audit): Promise<OwnedApiKey | undefined> {
    const key = await this.database.transaction('limit-key', async (session, manager) => {
      const rows = manager.getRepository(ApiKey);
      const found = await rows.findOneBy({ id, revokedAt: IsNull() });
      if (!found) return undefined;
      await rows.update({ id }, { rateLimit });
      await audit.record(session, { status: 200, fields: changedFields<{ rateLimit: Rate | null }>(found, { rateLimit }) });
      return rows.findOneByOrFail({ id });
    });
    return key && (await this.owned([key]))[0];
  }

  /** Revokes a key for good; its row stays. Answers whether there is such a key; a second call changes nothing. */
  revoke(id: string, audit: Audit): Promise<boolean> {
    return this.database.transaction('revoke-key', async (session, manager) => {
      const rows = manager.getRepository(ApiKey);
      const { affected } = await rows.update({ id, revokedAt: IsNull() }, { revokedAt: NOW });
      if (!(await rows.existsBy({ id }))) return false;
      await audit.record(session, { status: 204, fields: affected === 0 ? [] : ['revokedAt'] });
      return true;
    });
  }

  private async owned(keys: readonly ApiKey[]): Promise<OwnedApiKey[]> {
    const owners = await this.database.dataSource.getRepository(Producer).findBy({ id: In(keys.flatMap((key) => key.producerId ?? [])) });
    const names = new Map(owners.map(({ id, name }) => [id, name]));
    return keys.map((key) => Object.assign(key, { producer: names.get(key.producerId ?? 0) ?? null }));
  }
}
