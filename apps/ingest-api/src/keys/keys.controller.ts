import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type FieldProblem, formatScope, parseScopes, Problem } from '@app/domain';
import { ApiKeys, type Audit } from '@app/storage';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { decodeCursor, pageOf } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { hashOf, keyText, newKey } from './key-text.js';
import { KeyBody } from './key.body.js';
import { KeyLimitBody } from './key-limit.body.js';
import { KeyList, KeyView, NewKeyView, viewKey } from './key.view.js';
import { Needs } from './needs.js';
import { parseRateLimit } from './rate-limit.view.js';

const KEY_ID = /^[0-9a-f]{16}$/;
const CURSOR = [/^\d{1,15}$/, KEY_ID];
const placeOf = ({ createdAt, id }: { createdAt: Date; id: string }): string[] => [String(createdAt.getTime()), id];

@ApiTags('keys')
@Controller('v1/keys')
export class KeysController {
  constructor(private readonly keys: ApiKeys) {}

  /** Makes an API key. The answer is the only one that shows it. */
  @Post()
  @Needs('admin')
  @Refuses('validation-failed', 'malformed-json')
  async create(@Body() body: KeyBody, @Audited() audit: Audit): Promise<NewKeyView> {
    const parsed = parseScopes(body.scopes);
    const expiresAt = body.expiresAt === undefined || body.expiresAt === null ? null : new Date(body.expiresAt);
    const problems: FieldProblem[] = 'problems' in parsed ? parsed.problems : [];
    if (expiresAt && !(expiresAt.getTime() > Date.now())) problems.push({ field: 'expiresAt', message: 'must be in the future' });
    if (expiresAt && expiresAt.getUTCFullYear() > 9999) problems.push({ field: 'expiresAt', message: 'must be before the year 10000' });
    if (!('scopes' in parsed) || problems.length > 0) throw Problem.invalid(problems);
    const parts = newKey();
    const key = {
      id: parts.id,
      secretHash: hashOf(parts.secret),
      name: body.name,
      scopes: parsed.scopes.map(formatScope),
      producer: body.producer ?? null,
      expiresAt,
      rateLimit: parseRateLimit(body.rateLimit),
    };
    const row = await this.keys.create(key, audit);
    return Object.assign(viewKey(row), { key: keyText(parts) });
  }

  /** Lists the keys, newest first, revoked ones too. Never shows a key itself. */
  @Get()
  @Needs('read')
  @Refuses('validation-failed')
  async list(@Query() query: ListQuery): Promise<KeyList> {
    const [ms, id = ''] = decodeCursor(query.cursor, CURSOR) ?? [];
    const before = ms === undefined ? undefined : { createdAt: new Date(Number(ms)), id };
    return pageOf(query.limit, (limit) => this.keys.list({ limit, before }), placeOf, viewKey);
  }

  /** Changes how much a key may do: true everywhere within 2 seconds. */
  @Patch(':id')
  @Needs('admin')
  @Refuses('validation-failed', 'malformed-json', 'not-found')
  async change(@Param('id') id: string, @Body() body: KeyLimitBody, @Audited() audit: Audit): Promise<KeyView> {
    const key = KEY_ID.test(id) ? await this.keys.limit(id, parseRateLimit(body.rateLimit), audit) : undefined;
    if (!key) throw new Problem('not-found', 'there is no such key');
    return viewKey(key);
  }

  /** Revokes a key for good: refused everywhere within 2 seconds. */
  @Delete(':id')
  @HttpCode(204)
  @Needs('admin')
  @Refuses('not-found')
  async revoke(@Param('id') id: string, @Audited() audit: Audit): Promise<void> {
    const known = KEY_ID.test(id) && (await this.keys.revoke(id, audit));
    if (!known) throw new Problem('not-found', 'there is no such key');
  }
}
