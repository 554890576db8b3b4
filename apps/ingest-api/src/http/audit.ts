import type { Log } from '@app/runtime';
import type { FastifyInstance } from 'fastify';

/** One line for every management write, beside its row: who, what, when, from where, and how it ended. */
export function auditWrites(fastify: FastifyInstance, log: Log): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    if (request.audit) {
      const { keyId: key, method, address: from, requestId } = request.audit.entry;
      log.info({ key, method, path: request.url.split('?', 1)[0], status: reply.statusCode, from, requestId }, 'management.written');
    }
    done();
  });
}
