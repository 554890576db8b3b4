import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Scope } from '@app/domain';
import type { FastifyRequest } from 'fastify';

/** Whose key a request came with. */
export interface Caller {
  /** The public part of the key; `admin` for POSTHORN_ADMIN_KEY. */
  readonly keyId: string;
  readonly producerId: number | null;
  readonly scopes: readonly Scope[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard before any handler runs. */
    caller?: Caller;
  }
}

/** The caller, in a handler's parameters. */
export const ByCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('no guard has set the caller');
  return caller;
});
