import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { allows, formatScope, type Need, Problem } from '@app/domain';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './caller.js';
import { KeyCheck } from './key-check.js';

const NEEDS = 'posthorn:needs';

/** The scopes of which a route needs one (`admin` always does); their channel and consumer are those of the path. */
export const Needs = (...kinds: readonly Need['kind'][]): MethodDecorator => SetMetadata(NEEDS, kinds);

/**
 * Lets a request through when its key has a right to the route, before anything is looked up: a key without rights learns nothing about
 * what exists. A route that does not say what it needs is closed.
 */
@Injectable()
export class RightsGuard implements CanActivate {
  constructor(private readonly keys: KeyCheck) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Partial<Record<string, string>> }>>();
    const kinds: readonly Need['kind'][] | undefined = Reflect.getMetadata(NEEDS, context.getHandler());
    if (kinds === undefined) throw new Error(`${context.getClass().name}.${context.getHandler().name} does not say what it needs`);
    const needs = kinds.map((kind) => needOf(kind, request.params));
    const caller = this.keys.check(request.headers.authorization);
    return caller instanceof Promise ? caller.then((found) => admit(request, found, needs)) : admit(request, caller, needs);
  }
}

function admit(request: { caller?: Caller }, caller: Caller, needs: readonly Need[]): true {
  if (!needs.some((need) => allows(caller.scopes, need))) {
    throw new Problem('forbidden', `the key needs the scope ${needs.map(formatScope).join(' or ')}`);
  }
  request.caller = caller;
  return true;
}

function needOf(kind: Need['kind'], { channel = '', consumer = '' }: Partial<Record<string, string>>): Need {
  if (kind === 'admin' || kind === 'read') return { kind };
  return kind === 'consume' ? { kind, channel, consumer } : { kind, channel };
}
