import type { IncomingMessage } from 'node:http';
import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { IngestConfig } from '@app/config';
import { isWithin, Problem } from '@app/domain';
import { type Log, problemServerOptions, RouteTable } from '@app/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MAX_WAIT_MS } from '../leases/lease.body.js';
import { bindCursors } from './bound-cursors.js';
import { bodyKind, MANAGEMENT_BODY_BYTES, markPayloads, parseBody } from './bodies.js';

const MAX_HEADER_BYTES = 16_384;
/** Three times what a message may have, with room for proxies. Node would leave out those beyond its own limit and say nothing. */
const MAX_HEADERS = 128;
const MAX_HEADERS_MS = 10_000;
/** Longer than the idle time of usual load balancers (60 s), so that they and not we close idle connections. */
const KEEP_ALIVE_MS = 72_000;
const CHECK_EVERY_MS = 2_000;
const MAX_PARAM_CHARACTERS = 200;
const SANE_ID = /^[A-Za-z0-9._-]{1,100}$/;

/** The public HTTP server: everything that a client may send is bounded in size, time and number. */
export function createServer(config: IngestConfig, log: Log): { adapter: FastifyAdapter; routes: RouteTable } {
  const { requestTimeoutMs, maxBodyBytes, publishBatchBytes, maxConnections, trustedProxies } = config;
  const shared = problemServerOptions(log);
  const adapter = new FastifyAdapter({
    ...shared,
    genReqId: requestId,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      shared.frameworkErrors(error, request, reply.header('x-request-id', request.id)),
    bodyLimit: Math.max(maxBodyBytes, publishBatchBytes, MANAGEMENT_BODY_BYTES),
    requestTimeout: requestTimeoutMs,
    // Silence on a socket, which must outlast a slow request, the wait for its answer, and the longest wait that a poll may ask for.
    connectionTimeout: 2 * requestTimeoutMs + MAX_WAIT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: 0,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(MAX_HEADERS_MS, requestTimeoutMs),
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    // While it closes, a kept-alive connection gets one more answer with `connection: close`: no producer sees an error.
    return503OnClosing: false,
    trustProxy: trustedProxies.length === 0 ? false : (address: string) => isWithin(address, trustedProxies),
    logger: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
  });
  const fastify: FastifyInstance = adapter.getInstance();
  fastify.server.maxConnections = maxConnections;
  fastify.server.maxHeadersCount = 0;
  // An expectation that nobody knows is passed over (RFC 9110, 10.1.1): Node would answer 417 by itself, which is no problem+json.
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  const routes = new RouteTable(fastify);
  markPayloads(fastify);
  bound(fastify, { payload: maxBodyBytes, batch: publishBatchBytes, object: MANAGEMENT_BODY_BYTES });
  bindCursors(fastify);
  return { adapter, routes };
}

function bound(fastify: FastifyInstance, maxBytes: Record<ReturnType<typeof bodyKind>, number>): void {
  fastify.addHook('onRoute', (route) => {
    route.bodyLimit = maxBytes[bodyKind(route)];
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    if (request.url.startsWith('/v1/')) void reply.header('cache-control', 'no-store');
    if (request.raw.rawHeaders.length > 2 * MAX_HEADERS) {
      done(new Problem('header-too-large', `a request has at most ${MAX_HEADERS} headers`));
      return;
    }
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') done();
    else done(new Problem('unsupported-media-type', 'compressed bodies are not taken: send it without content-encoding'));
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, parseBody);
}

/** A caller's own id when it is harmless in logs and headers, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID();
}
