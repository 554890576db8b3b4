import type { Log } from '@app/runtime';
import type { FastifyInstance } from 'fastify';
import { takesPayload } from './bodies.js';

/** One line for every management write: who, what, when, from where, and how it ended. */
export function auditWrites(fastify: FastifyInstance, log: Log): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, url = '' } = request.routeOptions;
    if (request.caller && ['PUT', 'POST', 'DELETE'].includes(request.method) && !takesPayload({ method, url })) {
      const path = request.url.split('?', 1)[0];
      log.info(
        { key: request.caller.keyId, method: request.method, path, status: reply.statusCode, from: request.ip, requestId: request.id },
        'management.written',
      );
    }
    done();
  });
}
