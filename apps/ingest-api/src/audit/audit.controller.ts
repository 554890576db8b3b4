import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type AuditFilter, Database, listAudit } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { Needs } from '../keys/needs.js';
import { AuditQuery } from './audit.query.js';
import { AuditList, viewAudit } from './audit.view.js';

@ApiTags('audit')
@Controller('v1/audit')
export class AuditController {
  constructor(private readonly database: Database) {}

  /** Lists the management writes, newest first: who, what, when, from where, and how it ended. Publishing and consuming are not among them. */
  @Get()
  @Needs('read')
  @Refuses('validation-failed')
  async list(@Query() query: AuditQuery): Promise<AuditList> {
    const read = (limit: number, before: string | undefined) => listAudit(this.database, filterOf(query), { limit, before });
    return pageById(query, read, (row) => row.id, viewAudit);
  }
}

const filterOf = ({ key, method, resource, from, to }: AuditQuery): AuditFilter => ({
  ...(key === undefined ? {} : { keyId: key }),
  ...(method === undefined ? {} : { method }),
  ...(resource === undefined || resource === '/v1' || resource === '/v1/' ? {} : { resource: resource.replace(/\/$/, '') }),
  ...(from === undefined ? {} : { from: new Date(from) }),
  ...(to === undefined ? {} : { to: new Date(to) }),
});
