import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import { allows, formatScope, type Need, Problem } from '@app/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuditInterceptor } from '../audit/audit.interceptor.js';
import type { Caller } from './caller.js';
import { CHANNEL_OF, type ChannelPlace } from './channel-of.js';
import { JobChannels } from './job-channels.js';
import { KeyCheck } from './key-check.js';
import { RateLimits } from './rate-limits.js';

const NEEDS = 'posthorn:needs';

/**
 * The scopes of which a route needs one (`admin` always does); their channel and consumer are those of the path. A write that needs `admin` or
 * `manage` is audited.
 */
export const Needs = (...kinds: readonly Need['kind'][]): MethodDecorator =>
  applyDecorators(
    SetMetadata(NEEDS, kinds),
    ...kinds.map((kind) => ApiSecurity('key', [formatScope(needOf(kind, { channel: '{channel}', consumer: '{consumer}' }))])),
    ...(kinds.includes('admin') || kinds.includes('manage') ? [UseInterceptors(AuditInterceptor)] : []),
  );

/**
 * Lets a request through when its key has a right to the route, before anything is looked up: a key without rights learns nothing about
 * what exists. Then the request is charged to the key, if that has a limit. A route that does not say what it needs is closed.
 */
@Injectable()
export class RightsGuard implements CanActivate {
  /** What each handler needs: metadata is looked up through two maps, for every request. */
  private readonly needs = new Map<object, Rights>();

  constructor(
    private readonly keys: KeyCheck,
    private readonly jobs: JobChannels,
    private readonly limits: RateLimits,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest<{ Params: Partial<Record<string, string>> }>>();
    const { kinds, place } = this.needsOf(context);
    const caller = this.keys.check(request.headers.authorization);
    if (place) return this.admitElsewhere(request, caller, kinds, place).then(() => this.charge(http));
    const needs = kinds.map((kind) => needOf(kind, request.params));
    if (caller instanceof Promise) return caller.then((found) => admit(request, found, needs)).then(() => this.charge(http));
    admit(request, caller, needs);
    return this.charge(http);
  }

  private charge(http: ReturnType<ExecutionContext['switchToHttp']>): true {
    const { caller } = http.getRequest<FastifyRequest>();
    if (caller?.rate) this.limits.charge(caller, 1, http.getResponse<FastifyReply>());
    return true;
  }

  /** What is unknown belongs to no channel: a key that is good for some channels only is refused, as for what belongs to others. */
  private async admitElsewhere(
    request: FastifyRequest<{ Params: Partial<Record<string, string>> }>,
    caller: Caller | Promise<Caller>,
    kinds: readonly Need['kind'][],
    place: ChannelPlace,
  ): Promise<void> {
    const found = await caller;
    const channel = place === 'job' ? await this.jobs.channelOf(request.params['job']) : queryChannel(request.query);
    admit(
      request,
      found,
      kinds.map((kind) => needOf(kind, { channel })),
      `the key needs the scope ${kinds.map((kind) => formatScope(needOf(kind, { channel: '<channel>' }))).join(' or ')}`,
    );
  }

  private needsOf(context: ExecutionContext): Rights {
    const handler = context.getHandler();
    const known = this.needs.get(handler);
    if (known) return known;
    const kinds: readonly Need['kind'][] | undefined = Reflect.getMetadata(NEEDS, handler);
    if (kinds === undefined) throw new Error(`${context.getClass().name}.${handler.name} does not say what it needs`);
    const place: ChannelPlace | undefined = Reflect.getMetadata(CHANNEL_OF, handler);
    const rights = { kinds, place };
    this.needs.set(handler, rights);
    return rights;
  }
}

interface Rights {
  kinds: readonly Need['kind'][];
  place: ChannelPlace | undefined;
}

/** The name in the query of a request, which is not validated yet. */
function queryChannel(query: unknown): string {
  const channel: unknown = typeof query === 'object' && query !== null && 'channel' in query ? query.channel : '';
  return typeof channel === 'string' ? channel : '';
}

function admit(request: { caller?: Caller }, caller: Caller, needs: readonly Need[], refusal?: string): void {
  request.caller = caller;
  if (!needs.some((need) => allows(caller.scopes, need))) {
    throw new Problem('forbidden', refusal ?? `the key needs the scope ${needs.map(formatScope).join(' or ')}`);
  }
}

function needOf(kind: Need['kind'], { channel = '', consumer = '' }: Partial<Record<string, string>>): Need {
  if (kind === 'admin' || kind === 'read') return { kind };
  return kind === 'consume' ? { kind, channel, consumer } : { kind, channel };
}
