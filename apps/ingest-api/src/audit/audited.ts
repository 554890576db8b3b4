import { isIP } from 'node:net';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Id } from '@app/domain';
import { Audit } from '@app/storage';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a management write, from the moment that its key has proved its right. */
    audit?: Audit;
  }
}

/** What the transaction that makes the change records, in a handler's parameters. */
export const Audited = createParamDecorator((_data: unknown, context: ExecutionContext): Audit => {
  const { audit } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!audit) throw new Error('this route is not audited: it needs neither admin nor manage');
  return audit;
});

const FIELD = /^[A-Za-z0-9_.-]{1,50}$/;
const MAX_FIELDS = 30;
const MAX_RESOURCE = 500;
const MAX_ADDRESS = 45;

/** Who does what, and from where. Of the body only the names of its fields, and only those that could be ours. */
export function auditOf(request: FastifyRequest<{ Params: Partial<Record<string, string>> }>, id: Id): Audit {
  const { method, caller, params, body, routeOptions, ip } = request;
  if (!caller) throw new Error('no guard has set the caller');
  const route = routeOptions.url ?? '';
  const names = typeof body === 'object' && body !== null && !Buffer.isBuffer(body) ? Object.keys(body) : [];
  return new Audit({
    id,
    keyId: caller.keyId,
    keyName: caller.keyName,
    method,
    route,
    resource: resourceOf(route, params),
    fields: names.filter((name) => FIELD.test(name)).slice(0, MAX_FIELDS),
    requestId: request.id,
    // What a proxy passes on need not be an address.
    address: isIP(ip) === 0 ? 'unknown' : ip.slice(0, MAX_ADDRESS),
  });
}

/** The path up to its last parameter: what is paused is `…/consumers/billing`, not `…/consumers/billing/pause`. */
export function resourceOf(route: string, params: Partial<Record<string, string>>): string {
  const steps = route.split('/');
  const last = steps.findLastIndex((step) => step.startsWith(':'));
  const own = last < 0 ? steps : steps.slice(0, last + 1);
  const path = own.map((step) => (step.startsWith(':') ? encodeURIComponent(params[step.slice(1)] ?? '') : step)).join('/');
  return path.slice(0, MAX_RESOURCE);
}
