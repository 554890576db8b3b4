import type { Rate, Scope } from '@app/domain';
import type { FastifyRequest } from 'fastify';

/** Whose key a request came with. */
export interface Caller {
  /** The public part of the key; `admin` for POSTHORN_ADMIN_KEY. */
  readonly keyId: string;
  /** What people call it. */
  readonly keyName: string;
  readonly producerId: number | null;
  readonly scopes: readonly Scope[];
  /** How much it may do; undefined: no limit. */
  readonly rate?: Rate;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard when the key is valid, before its rights are looked at. */
    caller?: Caller;
  }
}

/** The caller of a request that a guard let through. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error('no guard has set the caller');
  return caller;
}
