import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { IngestConfig } from '@app/config';
import { isWithin, Problem } from '@app/domain';
import { answerClientError, type Log, problemServerOptions, RouteTable } from '@app/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MAX_WAIT_MS } from '../leases/lease.body.js';
import { bindCursors } from './bound-cursors.js';
import { bodyKind, MANAGEMENT_BODY_BYTES, markPayloads, parseBody } from './bodies.js';
import { Http2Sessions } from './http2-sessions.js';
import { isHttps, splitProtocols } from './protocols.js';
import { tlsOptions } from './tls.js';

const MAX_HEADER_BYTES = 16_384;
/** Three times what a message may have, with room for proxies. Node would leave out those beyond its own limit and say nothing. */
const MAX_HEADERS = 128;
const MAX_HEADERS_MS = 10_000;
/** Longer than the idle time of usual load balancers (60 s), so that they and not we close idle connections. */
const KEEP_ALIVE_MS = 72_000;
const CHECK_EVERY_MS = 2_000;
const MAX_PARAM_CHARACTERS = 200;
const SANE_ID = /^[A-Za-z0-9._-]{1,100}$/;

export interface PublicServer {
  readonly adapter: FastifyAdapter;
  readonly routes: RouteTable;
  /** When it speaks TLS. */
  readonly https: HttpsServer | undefined;
  readonly http2: Http2Sessions;
  /** Ends connections that have sent nothing yet. */
  readonly endUndecided: () => void;
}

/** The public HTTP server, HTTP/1.1 and HTTP/2 on one port: everything that a client may send is bounded in size, time and number. */
export function createServer(config: IngestConfig, log: Log): PublicServer {
  const { requestTimeoutMs, maxBodyBytes, publishBatchBytes, maxConnections, trustedProxies } = config;
  const shared = problemServerOptions(log);
  const headersTimeout = Math.min(MAX_HEADERS_MS, requestTimeoutMs);
  // Silence on a connection, which must outlast a slow request, the wait for its answer, and the longest wait that a poll may ask for.
  const silenceMs = 2 * requestTimeoutMs + MAX_WAIT_MS;
  const node = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout, connectionsCheckingInterval: CHECK_EVERY_MS };
  const tls = tlsOptions(config);
  const adapter = new FastifyAdapter({
    ...shared,
    genReqId: requestId,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      shared.frameworkErrors(error, request, reply.header('x-request-id', request.id)),
    bodyLimit: Math.max(maxBodyBytes, publishBatchBytes, MANAGEMENT_BODY_BYTES),
    requestTimeout: requestTimeoutMs,
    connectionTimeout: silenceMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: 0,
    ...(tls ? { https: { ...node, ...tls, handshakeTimeout: headersTimeout } } : { http: node }),
    // While it closes, a kept-alive connection gets one more answer with `connection: close`: no producer sees an error.
    return503OnClosing: false,
    trustProxy: trustedProxies.length === 0 ? false : (address: string) => isWithin(address, trustedProxies),
    logger: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
  });
  const fastify: FastifyInstance = adapter.getInstance();
  const server: HttpServer | HttpsServer = fastify.server;
  server.maxConnections = maxConnections;
  server.maxHeadersCount = 0;
  // An expectation that nobody knows is passed over (RFC 9110, 10.1.1): Node would answer 417 by itself, which is no problem+json.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  const http2 = new Http2Sessions(
    {
      maxHeaderBytes: MAX_HEADER_BYTES,
      maxStreams: config.http2MaxStreams,
      maxStreamsInAll: maxConnections,
      requestTimeoutMs,
      headersTimeoutMs: headersTimeout,
      idleMs: KEEP_ALIVE_MS,
      silenceMs,
      checkEveryMs: CHECK_EVERY_MS,
    },
    (request, response) => server.emit('request', request, response),
  );
  const endUndecided = splitProtocols(server, { http2: (socket) => http2.serve(socket), silent, withinMs: headersTimeout });
  const routes = new RouteTable(fastify);
  markPayloads(fastify);
  bound(fastify, { payload: maxBodyBytes, batch: publishBatchBytes, object: MANAGEMENT_BODY_BYTES });
  bindCursors(fastify);
  return { adapter, routes, https: isHttps(server) ? server : undefined, http2, endUndecided };
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
  // Fastify wants the connection closed after a body that it has not read; over HTTP/2 its stream is.
  fastify.addHook('onError', (request, reply, _error, done) => {
    if (request.raw.httpVersionMajor === 2) void reply.removeHeader('connection');
    done();
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, parseBody);
}

/** Answers a connection that has not said in time what it wants as Node does. */
const silent = (socket: Socket): void =>
  answerClientError(Object.assign(new Error('no request'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);

/** A caller's own id when it is harmless in logs and headers, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID();
}
