import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import { allows, formatScope, type Need, Problem } from '@app/domain';
import type { FastifyRequest } from 'fastify';
import { AuditInterceptor } from '../audit/audit.interceptor.js';
import type { Caller } from './caller.js';
import { KeyCheck } from './key-check.js';

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
 * what exists. A route that does not say what it needs is closed.
 */
@Injectable()
export class RightsGuard implements CanActivate {
  /** What each handler needs: metadata is looked up through two maps, for every request. */
  private readonly needs = new Map<object, readonly Need['kind'][]>();

  constructor(private readonly keys: KeyCheck) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Partial<Record<string, string>> }>>();
    const needs = this.needsOf(context).map((kind) => needOf(kind, request.params));
    const caller = this.keys.check(request.headers.authorization);
    return caller instanceof Promise ? caller.then((found) => admit(request, found, needs)) : admit(request, caller, needs);
  }

  private needsOf(context: ExecutionContext): readonly Need['kind'][] {
    const handler = context.getHandler();
    const known = this.needs.get(handler);
    if (known) return known;
    const kinds: readonly Need['kind'][] | undefined = Reflect.getMetadata(NEEDS, handler);
    if (kinds === undefined) throw new Error(`${context.getClass().name}.${handler.name} does not say what it needs`);
    this.needs.set(handler, kinds);
    return kinds;
  }
}

function admit(request: { caller?: Caller }, caller: Caller, needs: readonly Need[]): true {
  request.caller = caller;
  if (!needs.some((need) => allows(caller.scopes, need))) {
    throw new Problem('forbidden', `the key needs the scope ${needs.map(formatScope).join(' or ')}`);
  }
  return true;
}

function needOf(kind: Need['kind'], { channel = '', consumer = '' }: Partial<Record<string, string>>): Need {
  if (kind === 'admin' || kind === 'read') return { kind };
  return kind === 'consume' ? { kind, channel, consumer } : { kind, channel };
}
